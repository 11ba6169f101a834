/**
 * A key file holds the keys of some sealed segments with the positions of their first copies, sorted. It is written
 * once, under a temporary name, synced, renamed, and never changed. All numbers are little-endian.
 *
 * | part     | bytes                | content                                                                         |
 * |----------|----------------------|---------------------------------------------------------------------------------|
 * | header   | 4,096                | `headerWord` and the two times below; the last word is the checksum of the rest |
 * | blocks   | 4,096 each           | up to 170 entries of 24 bytes, then the number of entries, the block's number,  |
 * |          |                      | the file's id, the checksum of the rest                                         |
 * | fences   | 4 a block            | the first word of each block's first key                                        |
 * | filter   | 32 a filter block    | see `key-filter.ts`                                                             |
 * | segments | 16 each              | number (64-bit float), fingerprint, 0                                           |
 *
 * An entry is the key's four words (mixed, unsigned order), then the packed position. Each part begins at a multiple of
 * 4,096. Fences, filter and segments have their checksums in the header and are read whole when the file is opened; a
 * block is checked each time it is read. Block number and file id tell a block that was written or read in the wrong place.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { codeOf, messageOf } from '../../../../kit/failure.ts'
import { seedWords } from '../../key-mixing.ts'
import { entryWords } from '../../key-table.ts'

export const blockBytes = 4096
export const blockWords = blockBytes / 4
export const entriesPerBlock = 170

/** Where a block's trailer stands, in words. */
export const trailerWord = {
  entryCount: entriesPerBlock * entryWords,
  blockNumber: 1021,
  fileId: 1022,
  checksum: 1023,
} as const

const magic = 0x594b4c53
const formatVersion = 1
const headerWord = {
  magic: 0,
  formatVersion: 1,
  fileId: 2,
  keyCount: 3,
  seed: 4,
  blockCount: 8,
  filterWords: 9,
  segmentCount: 10,
  fencesChecksum: 11,
  filterChecksum: 12,
  segmentsChecksum: 13,
  checksum: 1023,
} as const
/** The times stand as 64-bit floats, counted in such. */
const headerDouble = { oldestTimeMs: 8, newestTimeMs: 9 } as const
const segmentBytes = 16

export interface KeyFileFacts {
  readonly path: string
  readonly fileId: number
  readonly seed: Int32Array
  readonly keyCount: number
  readonly blockCount: number
  readonly oldestTimeMs: number
  readonly newestTimeMs: number
  /** Ascending; `fingerprints` has the same order. */
  readonly segments: Float64Array<ArrayBuffer>
  readonly fingerprints: Uint32Array<ArrayBuffer>
}

/** What is kept in memory of a key file in service. */
export interface LoadedKeyFile extends KeyFileFacts {
  readonly fences: Uint32Array<ArrayBuffer>
  readonly filter: Int32Array<ArrayBuffer>
}

/** The file (or one block of it) is not what was written. The keys in it can be had from the journal's frames. */
export class KeyFileDamaged extends Error {
  readonly path: string

  constructor(path: string, reason: string) {
    super(reason)
    this.name = 'KeyFileDamaged'
    this.path = path
  }
}

/** No name is used twice: what is removed late can never be a newer file. */
export function keyFileName(firstSegment: number, lastSegment: number): string {
  return `keys-${String(firstSegment)}-${String(lastSegment)}-${randomBytes(4).toString('hex')}.idx`
}

export function isKeyFileName(name: string): boolean {
  return /^keys-\d+-\d+-[0-9a-f]{8}\.idx$/.test(name)
}

export function checksumOf(words: Int32Array | Uint32Array | Float64Array, byteLength = words.byteLength): number {
  return crc32(new Uint8Array(words.buffer, words.byteOffset, byteLength)) | 0
}

/** Whether a block just read is block `blockNumber` of that file, as it was written. */
export function isBlockWhole(block: Int32Array, fileId: number, blockNumber: number): boolean {
  const entryCount = block[trailerWord.entryCount] as number
  return (
    block[trailerWord.checksum] === checksumOf(block, trailerWord.checksum * 4) &&
    block[trailerWord.fileId] === fileId &&
    block[trailerWord.blockNumber] === blockNumber &&
    entryCount > 0 &&
    entryCount <= entriesPerBlock
  )
}

/** Where each part begins, and how long the file is, in bytes. */
export function layoutOf(counts: { blockCount: number; filterWords: number; segmentCount: number }) {
  const fencesAt = blockBytes * (1 + counts.blockCount)
  const filterAt = fencesAt + wholeBlocks(counts.blockCount * 4)
  const segmentsAt = filterAt + wholeBlocks(counts.filterWords * 4)
  return { fencesAt, filterAt, segmentsAt, fileBytes: segmentsAt + wholeBlocks(counts.segmentCount * segmentBytes) }
}

function wholeBlocks(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes
}

export function segmentsPart(segments: Float64Array, fingerprints: Uint32Array): Float64Array {
  const part = new Float64Array(segments.length * 2)
  const words = new Uint32Array(part.buffer)
  segments.forEach((segment, i) => {
    part[i * 2] = segment
    words[i * 4 + 2] = fingerprints[i] ?? 0
  })
  return part
}

export function headerOf(file: LoadedKeyFile): Int32Array {
  const header = new Int32Array(blockWords)
  const times = new Float64Array(header.buffer)
  header[headerWord.magic] = magic
  header[headerWord.formatVersion] = formatVersion
  header[headerWord.fileId] = file.fileId
  header[headerWord.keyCount] = file.keyCount
  header.set(file.seed, headerWord.seed)
  header[headerWord.blockCount] = file.blockCount
  header[headerWord.filterWords] = file.filter.length
  header[headerWord.segmentCount] = file.segments.length
  header[headerWord.fencesChecksum] = checksumOf(file.fences)
  header[headerWord.filterChecksum] = checksumOf(file.filter)
  header[headerWord.segmentsChecksum] = checksumOf(segmentsPart(file.segments, file.fingerprints))
  times[headerDouble.oldestTimeMs] = file.oldestTimeMs
  times[headerDouble.newestTimeMs] = file.newestTimeMs
  header[headerWord.checksum] = checksumOf(header, headerWord.checksum * 4)
  return header
}

/**
 * Reads all of a key file but the blocks.
 * @throws KeyFileDamaged when it is cut short, changed, unreadable, or of another format.
 */
export function loadKeyFile(path: string): LoadedKeyFile {
  return withKeyFile(path, ({ fd, header, layout, facts }) => {
    const fences = new Uint32Array(facts.blockCount)
    const filter = new Int32Array(header[headerWord.filterWords] ?? 0)
    readWhole(path, fd, fences, layout.fencesAt)
    readWhole(path, fd, filter, layout.filterAt)
    if (
      checksumOf(fences) !== header[headerWord.fencesChecksum] ||
      checksumOf(filter) !== header[headerWord.filterChecksum]
    )
      throw new KeyFileDamaged(path, 'Its fences or its filter are damaged.')
    return { ...facts, fences, filter }
  })
}

/** What a merge needs to know of a file. Throws as `loadKeyFile` does. */
export function readKeyFileFacts(path: string): KeyFileFacts {
  return withKeyFile(path, ({ facts }) => facts)
}

interface OpenKeyFile {
  readonly fd: number
  readonly header: Int32Array
  readonly layout: ReturnType<typeof layoutOf>
  readonly facts: KeyFileFacts
}

function withKeyFile<T>(path: string, use: (file: OpenKeyFile) => T): T {
  const fd = openSync(path, 'r')
  try {
    const header = new Int32Array(blockWords)
    readWhole(path, fd, header, 0)
    if (header[headerWord.magic] !== magic) throw new KeyFileDamaged(path, 'It is no key file.')
    if (header[headerWord.checksum] !== checksumOf(header, headerWord.checksum * 4))
      throw new KeyFileDamaged(path, 'Its header is damaged.')
    const version = header[headerWord.formatVersion] ?? 0
    if (version !== formatVersion) throw new KeyFileDamaged(path, `Its format is version ${String(version)}.`)
    const blockCount = header[headerWord.blockCount] ?? 0
    const segmentCount = header[headerWord.segmentCount] ?? 0
    const layout = layoutOf({ blockCount, filterWords: header[headerWord.filterWords] ?? 0, segmentCount })
    if (fstatSync(fd).size !== layout.fileBytes)
      throw new KeyFileDamaged(path, 'It has not the length that its header says.')

    const part = new Float64Array(segmentCount * 2)
    readWhole(path, fd, part, layout.segmentsAt)
    if (checksumOf(part) !== header[headerWord.segmentsChecksum])
      throw new KeyFileDamaged(path, 'Its list of segments is damaged.')
    const partWords = new Uint32Array(part.buffer)
    const times = new Float64Array(header.buffer)
    const facts = {
      path,
      fileId: header[headerWord.fileId] ?? 0,
      seed: header.slice(headerWord.seed, headerWord.seed + seedWords),
      keyCount: (header[headerWord.keyCount] ?? 0) >>> 0,
      blockCount,
      oldestTimeMs: times[headerDouble.oldestTimeMs] ?? 0,
      newestTimeMs: times[headerDouble.newestTimeMs] ?? 0,
      segments: part.filter((_, i) => i % 2 === 0),
      fingerprints: partWords.filter((_, i) => i % 4 === 2),
    }
    return use({ fd, header, layout, facts })
  } finally {
    closeSync(fd)
  }
}

/** Fills `into`; a file that ends too early or a device that cannot read counts as damage. */
export function readWhole(path: string, fd: number, into: NodeJS.ArrayBufferView, at: number): void {
  let done = 0
  while (done < into.byteLength) {
    // One call transfers less than 2 GiB.
    const length = Math.min(into.byteLength - done, 2 ** 30)
    const read = readOrDamaged(path, fd, into, done, length, at + done)
    if (read === 0) throw new KeyFileDamaged(path, 'It ends too early.')
    done += read
  }
}

function readOrDamaged(
  path: string,
  fd: number,
  into: NodeJS.ArrayBufferView,
  from: number,
  length: number,
  at: number,
) {
  try {
    return readSync(fd, into, from, length, at)
  } catch (error) {
    if (codeOf(error) === 'EIO') throw new KeyFileDamaged(path, messageOf(error))
    throw error
  }
}
