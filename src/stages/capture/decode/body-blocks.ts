/**
 * Blocks of memory for long bodies, used again and again, because new memory costs the making of its pages. They are shared memory,
 * though nobody shares them: V8 begins a major collection for every 64 MB that come to its unshared memory, and each takes a tenth of
 * a second of everybody's time. In return, one that is given up lies there until the next major collection.
 */
export const blockBytes = 1024 * 1024
/** Usually a minute. */
const trimsUntilGivenUp = 24

/** There are never more of them than bodies have needed at once. */
export class BodyBlocks {
  readonly #spare: Buffer[] = []
  /** How many nobody has needed since spare ones were last given up. */
  #unneeded = 0
  #trims = 0

  take(): Buffer {
    const block = this.#spare.pop() ?? Buffer.from(new SharedArrayBuffer(blockBytes))
    this.#unneeded = Math.min(this.#unneeded, this.#spare.length)
    return block
  }

  /** Whoever gives a block back looks at it no more. */
  giveBack(blocks: readonly Buffer[]): void {
    for (const block of blocks) this.#spare.push(block)
  }

  /** Gives up, every two dozen calls, what nobody has needed since it last did. To be called from time to time. */
  trim(): void {
    if (++this.#trims % trimsUntilGivenUp !== 0) return
    this.#spare.splice(0, this.#unneeded)
    this.#unneeded = this.#spare.length
  }

  /** For when no body is read. */
  forget(): void {
    this.#spare.length = 0
    this.#unneeded = 0
  }
}
