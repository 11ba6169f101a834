/** Writes a key file front to back from keys that come in order. For the background thread: everything here blocks. */
import { randomInt } from 'node:crypto'
import { closeSync, fdatasyncSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  blockBytes,
  blockWords,
  checksumOf,
  entriesPerBlock,
  headerOf,
  layoutOf,
  type LoadedKeyFile,
  segmentsPart,
  trailerWord,
} from './key-file.ts'
import { addToFilter, createFilter, filterScale } from './key-filter.ts'
import { entryWords } from '../../key-table.ts'

const blocksPerWrite = 64
/** Little is left unsynced at any time, so that the journal's own syncs never wait behind a whole file of ours. */
const bytesPerSync = 8 * 2 ** 20

export class KeyFileWriter {
  readonly #path: string
  readonly #temporaryPath: string
  readonly #seed: Int32Array
  readonly #fd: number
  #isOpen = true
  readonly #fileId = randomInt(2 ** 32) | 0
  readonly #chunk = new Int32Array(blocksPerWrite * blockWords)
  readonly #fences: Uint32Array<ArrayBuffer>
  readonly #filter: Int32Array<ArrayBuffer>
  readonly #filterScale: number
  #keyCount = 0
  #blockCount = 0
  /** Entries in the block being filled, and where that block begins in the chunk, in words. */
  #entries = 0
  #blockAt = 0
  #writtenBytes = blockBytes
  #unsyncedBytes = 0

  /** `keyCountMax` decides the size of the filter. */
  constructor(options: { path: string; seed: Int32Array; keyCountMax: number }) {
    this.#path = options.path
    this.#temporaryPath = `${options.path}.tmp`
    this.#seed = options.seed
    this.#fences = new Uint32Array(Math.ceil(options.keyCountMax / entriesPerBlock))
    this.#filter = createFilter(options.keyCountMax)
    this.#filterScale = filterScale(this.#filter)
    this.#fd = openSync(this.#temporaryPath, 'w')
  }

  /** Appends the entry at word `at` of `from`. Keys must come in ascending order, each once. */
  push(from: Int32Array, at: number): void {
    const chunk = this.#chunk
    if (this.#entries === entriesPerBlock) this.#endBlock()
    let to = this.#blockAt + this.#entries * entryWords
    const first = from[at] as number
    if (this.#entries === 0) this.#fences[this.#blockCount] = first
    chunk[to++] = first
    chunk[to++] = from[at + 1] as number
    chunk[to++] = from[at + 2] as number
    chunk[to++] = from[at + 3] as number
    chunk[to++] = from[at + 4] as number
    chunk[to] = from[at + 5] as number
    addToFilter(this.#filter, this.#filterScale, first, from[at + 2] as number)
    this.#entries++
    this.#keyCount++
  }

  /** The file is durable and has its name when this returns. */
  finish(facts: Pick<LoadedKeyFile, 'segments' | 'fingerprints' | 'oldestTimeMs' | 'newestTimeMs'>): LoadedKeyFile {
    if (this.#entries > 0) this.#endBlock()
    this.#writeChunk()
    const file: LoadedKeyFile = {
      ...facts,
      path: this.#path,
      fileId: this.#fileId,
      seed: this.#seed,
      keyCount: this.#keyCount,
      blockCount: this.#blockCount,
      fences: this.#fences.subarray(0, this.#blockCount),
      filter: this.#filter,
    }
    const layout = layoutOf({
      blockCount: this.#blockCount,
      filterWords: file.filter.length,
      segmentCount: file.segments.length,
    })
    const segments = segmentsPart(file.segments, file.fingerprints)
    this.#writePart(file.fences, layout.fencesAt, layout.filterAt)
    this.#writePart(file.filter, layout.filterAt, layout.segmentsAt)
    this.#writePart(segments, layout.segmentsAt, layout.fileBytes)
    this.#writePart(headerOf(file), 0, blockBytes)
    fsyncSync(this.#fd)
    this.#close()
    renameSync(this.#temporaryPath, this.#path)
    syncFolder(dirname(this.#path))
    return file
  }

  /** Gives up: nothing is left behind. */
  abandon(): void {
    this.#close()
    rmSync(this.#temporaryPath, { force: true })
  }

  #close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    closeSync(this.#fd)
  }

  #endBlock(): void {
    const chunk = this.#chunk
    const at = this.#blockAt
    chunk.fill(0, at + this.#entries * entryWords, at + blockWords)
    chunk[at + trailerWord.entryCount] = this.#entries
    chunk[at + trailerWord.blockNumber] = this.#blockCount
    chunk[at + trailerWord.fileId] = this.#fileId
    const block = chunk.subarray(at, at + blockWords)
    block[trailerWord.checksum] = checksumOf(block, trailerWord.checksum * 4)
    this.#blockCount++
    this.#entries = 0
    this.#blockAt += blockWords
    if (this.#blockAt === chunk.length) this.#writeChunk()
  }

  #writeChunk(): void {
    this.#writePart(this.#chunk.subarray(0, this.#blockAt), this.#writtenBytes, this.#writtenBytes + this.#blockAt * 4)
    this.#writtenBytes += this.#blockAt * 4
    this.#blockAt = 0
  }

  /** Writes `part` at `from`, filled with zeros up to `to`. */
  #writePart(part: Int32Array | Uint32Array | Float64Array, from: number, to: number): void {
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength)
    for (let done = 0; done < bytes.length;) {
      const written = writeSync(this.#fd, bytes, done, Math.min(bytes.length - done, bytesPerSync), from + done)
      done += written
      this.#unsyncedBytes += written
      if (this.#unsyncedBytes >= bytesPerSync) {
        fdatasyncSync(this.#fd)
        this.#unsyncedBytes = 0
      }
    }
    const rest = to - from - bytes.length
    if (rest > 0) writeSync(this.#fd, new Uint8Array(rest), 0, rest, from + bytes.length)
  }
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
