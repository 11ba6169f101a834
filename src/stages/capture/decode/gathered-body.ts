import { freeBytes } from '../../../kit/free-bytes.ts'

const nothing = Buffer.alloc(0)

/** The pages of a new block are made when they are written: large ones would hold up whoever else is to be answered. */
const blockBytesMax = 1024 * 1024

/**
 * The pieces of one body, copied into blocks as they come, so that the memory of each is free at once (`kit/free-bytes.ts`). The
 * first piece, which nearly always is the whole body, is not copied.
 */
export class GatheredBody {
  readonly #bytesMax: number
  readonly #full: Buffer[] = []
  #block: Buffer = nothing
  #blockBytes = 0
  #bytes = 0
  #keptBytes = 0

  /** No more than `bytesMax` is ever added. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** What it takes of memory. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  /** What it would take with this piece. */
  bytesWith({ length }: Buffer): number {
    return this.#keptBytes + this.#newBytesFor(length)
  }

  /** The piece is this body's from now on. */
  add(piece: Buffer): void {
    const { length } = piece
    const newBytes = this.#newBytesFor(length)
    this.#keptBytes += newBytes
    this.#bytes += length
    if (this.#bytes === length) {
      this.#block = piece
      this.#blockBytes = length
      return
    }
    const copied = piece.copy(this.#block, this.#blockBytes)
    this.#blockBytes += copied
    if (newBytes > 0) {
      this.#full.push(this.#block)
      this.#block = Buffer.allocUnsafeSlow(newBytes)
      this.#blockBytes = piece.copy(this.#block, 0, copied)
    }
    freeBytes(piece)
  }

  whole(): Buffer {
    if (this.#full.length > 0) return Buffer.concat([...this.#full, this.#block], this.#bytes)
    return this.#block
  }

  free(): void {
    for (const block of this.#full) freeBytes(block)
    freeBytes(this.#block)
    this.#full.length = 0
    this.#block = nothing
    this.#blockBytes = 0
    this.#bytes = 0
    this.#keptBytes = 0
  }

  /** Of the block that a piece begins, as long as all before it; 0 when the piece fits into the present one. */
  #newBytesFor(length: number): number {
    const missing = length - (this.#block.length - this.#blockBytes)
    if (missing <= 0) return 0
    return Math.max(missing, Math.min(this.#keptBytes, blockBytesMax, this.#bytesMax - this.#keptBytes))
  }
}
