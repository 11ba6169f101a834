/**
 * Blocks of memory for long bodies, used again and again: new memory costs the making of its pages, and V8 collects garbage for
 * every 64 MB of it, however soon it is free.
 */
export const blockBytes = 1024 * 1024

/** Kept for the next bodies once nobody uses them. */
const spareBlocksMax = 64

export class BodyBlocks {
  readonly #spare: Buffer[] = []

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes)
  }

  /** Whoever gives a block back looks at it no more. */
  giveBack(blocks: readonly Buffer[]): void {
    this.#spare.push(...blocks.slice(0, spareBlocksMax - this.#spare.length))
  }

  /** For when no body is read. */
  forget(): void {
    this.#spare.length = 0
  }
}
