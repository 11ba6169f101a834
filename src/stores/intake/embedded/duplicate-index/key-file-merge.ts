/** Makes one key file of several neighbours. For the background thread: blocks, but lets others run every millisecond or two. */
import { closeSync, openSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  blockBytes,
  blockWords,
  isBlockWhole,
  KeyFileDamaged,
  type KeyFileFacts,
  type LoadedKeyFile,
  readKeyFileFacts,
  readWhole,
  trailerWord,
} from './key-file.ts'
import { KeyFileWriter } from './key-file-writer.ts'
import { entryWords, isKeyLess } from '../../key-table.ts'

const blocksPerRead = 32
const keysPerTurn = 8192

/**
 * Every block is checked as it is read. A key that stands in several files (a segment restored while its old file was
 * still there) is kept once. Undefined when `isStopped` said so; nothing is left behind then, nor after an error.
 * @throws KeyFileDamaged for the first damaged input found.
 */
export async function mergeKeyFiles(
  inputs: readonly string[],
  path: string,
  isStopped: () => boolean,
): Promise<LoadedKeyFile | undefined> {
  const files = inputs.map(readKeyFileFacts)
  const readers: KeyFileReader[] = []
  let writer: KeyFileWriter | undefined
  try {
    for (const file of files) readers.push(new KeyFileReader(file))
    const keyCountMax = files.reduce((sum, file) => sum + file.keyCount, 0)
    writer = new KeyFileWriter({ path, seed: files[0]?.seed ?? new Int32Array(0), keyCountMax })
    let unread = readers.filter((reader) => reader.next())
    for (let keys = 0; unread.length > 0; keys++) {
      if (keys % keysPerTurn === keysPerTurn - 1) {
        await nextTurn()
        if (isStopped()) return undefined
      }
      const least = leastOf(unread)
      writer.push(least.block, least.at)
      for (const reader of unread)
        if (reader !== least && reader.isAt(least) && !reader.next()) unread = unread.filter((each) => each !== reader)
      if (!least.next()) unread = unread.filter((each) => each !== least)
    }
    const merged = writer.finish(mergedFacts(files))
    writer = undefined
    return merged
  } finally {
    writer?.abandon()
    for (const reader of readers) reader.close()
  }
}

function leastOf(readers: readonly KeyFileReader[]): KeyFileReader {
  let least = readers[0] as KeyFileReader
  for (let i = 1; i < readers.length; i++) {
    const reader = readers[i] as KeyFileReader
    if (
      reader.first < least.first ||
      (reader.first === least.first && isKeyLess(reader.block, reader.at, least.block, least.at))
    )
      least = reader
  }
  return least
}

function mergedFacts(files: readonly KeyFileFacts[]) {
  const bySegment = new Map<number, number>()
  for (const file of files) file.segments.forEach((segment, i) => bySegment.set(segment, file.fingerprints[i] ?? 0))
  const sorted = [...bySegment].sort(([left], [right]) => left - right)
  return {
    segments: new Float64Array(sorted.map(([segment]) => segment)),
    fingerprints: new Uint32Array(sorted.map(([, fingerprint]) => fingerprint)),
    oldestTimeMs: files.reduce((oldest, file) => Math.min(oldest, file.oldestTimeMs), Infinity),
    newestTimeMs: files.reduce((newest, file) => Math.max(newest, file.newestTimeMs), -Infinity),
  }
}

/** Walks a key file in order. */
class KeyFileReader {
  readonly #file: KeyFileFacts
  readonly #fd: number
  readonly #chunk = new Int32Array(blocksPerRead * blockWords)
  #nextBlock = 0
  /** Blocks in the chunk, and how many of them were begun. */
  #chunkBlocks = 0
  #chunkDone = 0
  #entriesLeft = 0
  /** The entry it stands at: word `at` of `block`; `first` is the key's first word, unsigned. */
  block = new Int32Array(0)
  at = 0
  first = 0

  constructor(file: KeyFileFacts) {
    this.#file = file
    this.#fd = openSync(file.path, 'r')
  }

  /** False when there is no further entry. */
  next(): boolean {
    if (this.#entriesLeft === 0) {
      if (!this.#beginBlock()) return false
    } else this.at += entryWords
    this.#entriesLeft--
    this.first = (this.block[this.at] as number) >>> 0
    return true
  }

  isAt(other: KeyFileReader): boolean {
    return (
      this.first === other.first &&
      !isKeyLess(this.block, this.at, other.block, other.at) &&
      !isKeyLess(other.block, other.at, this.block, this.at)
    )
  }

  close(): void {
    closeSync(this.#fd)
  }

  #beginBlock(): boolean {
    const { path, fileId, blockCount } = this.#file
    if (this.#chunkDone === this.#chunkBlocks) {
      if (this.#nextBlock === blockCount) return false
      this.#chunkBlocks = Math.min(blocksPerRead, blockCount - this.#nextBlock)
      this.#chunkDone = 0
      readWhole(
        path,
        this.#fd,
        this.#chunk.subarray(0, this.#chunkBlocks * blockWords),
        (1 + this.#nextBlock) * blockBytes,
      )
    }
    this.block = this.#chunk.subarray(this.#chunkDone * blockWords, (this.#chunkDone + 1) * blockWords)
    if (!isBlockWhole(this.block, fileId, this.#nextBlock))
      throw new KeyFileDamaged(path, `Block ${String(this.#nextBlock)} is damaged.`)
    this.at = 0
    this.#entriesLeft = this.block[trailerWord.entryCount] as number
    this.#chunkDone++
    this.#nextBlock++
    return true
  }
}
