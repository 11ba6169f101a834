import { freeBytes } from '../../../kit/free-bytes.ts'
import { blockBytes } from './body-blocks.ts'
import type { BodyBlocks } from './body-blocks.ts'

const nothing = Buffer.alloc(0)

/** What is longer is gathered in blocks. */
const beginningBytesMax = 256 * 1024

/**
 * The pieces of one body, copied together as they come, so that the memory of each is free at once (`kit/free-bytes.ts`). The first
 * piece, which nearly always is the whole body, is not copied; what comes next makes a beginning that doubles its length, and
 * then there are blocks.
 */
export class GatheredBody {
  readonly #blocks: BodyBlocks
  #beginning: Buffer = nothing
  #beginningBytes = 0
  readonly #taken: Buffer[] = []
  #bytes = 0

  constructor(blocks: BodyBlocks) {
    this.#blocks = blocks
  }

  /** What it takes of memory. */
  get keptBytes(): number {
    return this.#beginning.length + this.#taken.length * blockBytes
  }

  /** What it would take with this piece. */
  bytesWith({ length }: Buffer): number {
    if (this.#bytes === 0) return length
    const bytes = this.#bytes + length
    if (this.#taken.length === 0 && bytes <= beginningBytesMax) return this.#beginningLengthFor(bytes)
    return this.#beginning.length + Math.ceil((bytes - this.#beginningBytes) / blockBytes) * blockBytes
  }

  /** The piece is this body's from now on. */
  add(piece: Buffer): void {
    const { length } = piece
    if (this.#bytes === 0) {
      this.#beginning = piece
      this.#beginningBytes = length
    } else {
      if (this.#taken.length === 0 && this.#bytes + length <= beginningBytesMax) this.#addToBeginning(piece)
      else this.#addToBlocks(piece)
      freeBytes(piece)
    }
    this.#bytes += length
  }

  /** The body. Nothing is kept here any more. */
  take(): Buffer {
    const isFull = this.#beginningBytes === this.#beginning.length
    const beginning = isFull ? this.#beginning : this.#beginning.subarray(0, this.#beginningBytes)
    const body = this.#taken.length === 0 ? beginning : Buffer.concat([beginning, ...this.#taken], this.#bytes)
    if (body === beginning) this.#beginning = nothing
    this.free()
    return body
  }

  free(): void {
    freeBytes(this.#beginning)
    this.#beginning = nothing
    this.#beginningBytes = 0
    this.#blocks.giveBack(this.#taken)
    this.#taken.length = 0
    this.#bytes = 0
  }

  #addToBeginning(piece: Buffer): void {
    const length = this.#beginningLengthFor(this.#bytes + piece.length)
    if (length > this.#beginning.length) {
      const before = this.#beginning
      this.#beginning = Buffer.allocUnsafeSlow(length)
      before.copy(this.#beginning, 0, 0, this.#bytes)
      freeBytes(before)
    }
    this.#beginningBytes += piece.copy(this.#beginning, this.#bytes)
  }

  #addToBlocks(piece: Buffer): void {
    const from = this.#bytes - this.#beginningBytes
    for (let copied = 0; copied < piece.length;) {
      const at = (from + copied) % blockBytes
      if (at === 0) this.#taken.push(this.#blocks.take())
      copied += piece.copy(this.#taken.at(-1) ?? nothing, at, copied)
    }
  }

  #beginningLengthFor(bytes: number): number {
    return bytes <= this.#beginning.length ? this.#beginning.length : Math.min(2 * bytes, beginningBytesMax)
  }
}
