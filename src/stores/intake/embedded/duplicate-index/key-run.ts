import { close, openSync } from 'node:fs'
import { positionFrom, type IndexedPosition } from '../../indexed-position.ts'
import {
  blockBytes,
  blockWords,
  isBlockWhole,
  KeyFileDamaged,
  type LoadedKeyFile,
  readWhole,
  trailerWord,
} from './key-file.ts'
import { entryWords } from '../../key-table.ts'

/** Shared by all runs: a block is done with before the next is read. */
const block = new Int32Array(blockWords)

/** A key file in service. */
export class KeyRun {
  readonly file: LoadedKeyFile
  readonly #fd: number
  /** The background thread reads the file, so it has to stay. */
  isMerging = false
  /** Set when a block was found damaged: segments whose keys have yet to be restored before the file can go. */
  missingSegments: Set<number> | undefined

  constructor(file: LoadedKeyFile) {
    this.file = file
    this.#fd = openSync(file.path, 'r')
  }

  get firstSegment(): number {
    return this.file.segments[0] ?? 0
  }

  get lastSegment(): number {
    return this.file.segments[this.file.segments.length - 1] ?? 0
  }

  get memoryBytes(): number {
    const { fences, filter, segments, fingerprints } = this.file
    return fences.byteLength + filter.byteLength + segments.byteLength + fingerprints.byteLength
  }

  /**
   * Reads one block, rarely two.
   * @throws KeyFileDamaged when that block cannot tell.
   */
  find(a: number, b: number, c: number, d: number): IndexedPosition | undefined {
    const { fences } = this.file
    const first = a >>> 0
    let blockNumber = lastAtOrBelow(fences, first)
    while (blockNumber >= 0) {
      const found = this.#findInBlock(blockNumber, first, b, c, d)
      if (found !== undefined) return found
      // Keys that begin with the word that this block begins with may stand at the end of the block before.
      if (fences[blockNumber] !== first) return undefined
      blockNumber--
    }
    return undefined
  }

  close(): void {
    // Not synchronously: freeing a big file that was unlinked takes long.
    close(this.#fd, () => undefined)
    // Frees the memory now; a big array may wait for a garbage collection for hours.
    const { fences, filter } = this.file
    for (const array of [fences, filter]) array.buffer.transfer(0)
  }

  #findInBlock(blockNumber: number, first: number, b: number, c: number, d: number): IndexedPosition | undefined {
    const { path, fileId } = this.file
    readWhole(path, this.#fd, block, (1 + blockNumber) * blockBytes)
    if (!isBlockWhole(block, fileId, blockNumber))
      throw new KeyFileDamaged(path, `Block ${String(blockNumber)} is damaged.`)
    const end = block[trailerWord.entryCount] as number
    let low = 0
    let high = end
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((block[middle * entryWords] as number) >>> 0 < first) low = middle + 1
      else high = middle
    }
    for (let at = low * entryWords; at < end * entryWords && (block[at] as number) >>> 0 === first; at += entryWords)
      if (block[at + 1] === b && block[at + 2] === c && block[at + 3] === d)
        return positionFrom(block[at + 4] as number, block[at + 5] as number)
    return undefined
  }
}

/** The index of the last of the ascending numbers that is at most `limit`; -1 when all are greater. */
function lastAtOrBelow(ascending: Uint32Array, limit: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) <= limit) low = middle + 1
    else high = middle
  }
  return low - 1
}
