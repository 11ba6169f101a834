import { freeBytes } from '../../../kit/free-bytes.ts'

const empty = Buffer.alloc(0)

/**
 * The pieces of one body, put together as they come, so that the memory of each is free at once (`kit/free-bytes.ts`). The first
 * piece, which nearly always is the whole body, is not copied.
 */
export class GatheredBody {
  readonly #bytesMax: number
  /** Has room for more behind `#bytes` once there were several pieces. */
  #memory: Buffer = empty
  #bytes = 0

  /** No more than `bytesMax` is ever added. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** What it takes of memory. */
  get keptBytes(): number {
    return this.#memory.length
  }

  /** What it would take with this piece. */
  bytesWith({ length }: Buffer): number {
    const needed = this.#bytes + length
    if (this.#bytes === 0 || needed <= this.#memory.length) return Math.max(needed, this.#memory.length)
    return Math.max(needed, Math.min(2 * needed, this.#bytesMax))
  }

  /** The piece is this body's from now on. */
  add(piece: Buffer): void {
    const { length } = piece
    if (this.#bytes === 0) this.#memory = piece
    else {
      const bytes = this.bytesWith(piece)
      if (bytes > this.#memory.length) {
        const before = this.#memory
        this.#memory = Buffer.allocUnsafeSlow(bytes)
        before.copy(this.#memory, 0, 0, this.#bytes)
        freeBytes(before)
      }
      piece.copy(this.#memory, this.#bytes)
      freeBytes(piece)
    }
    this.#bytes += length
  }

  whole(): Buffer {
    return this.#memory.length === this.#bytes ? this.#memory : this.#memory.subarray(0, this.#bytes)
  }

  free(): void {
    freeBytes(this.#memory)
    this.#memory = empty
    this.#bytes = 0
  }
}
