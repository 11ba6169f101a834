/**
 * The partitions that a writer has taken over, and where they stand.
 *
 * Held: nobody else had taken them over a moment ago, as storage said. A process that was stopped for minutes does not know that
 * others went on meanwhile, so whoever is about to insert asks again when the last answer is older than `heldMsMax`.
 */
import type { BlockIntent, PartitionProgress, TakenProgress } from '../../stores/warehouse/insert-progress.ts'
import { nothingInserted } from '../../stores/warehouse/insert-progress.ts'
import type { ReadBatch } from './block.ts'

/** Much less than it takes others to insert as many blocks as the table remembers tokens. */
const heldMsMax = 10_000

export class HeldPartitions {
  readonly #taken: TakenProgress
  readonly #own: Map<number, PartitionProgress>
  readonly #recentBlocksMax: number
  #recent: readonly BlockIntent[]
  #heldAt: Moment

  constructor(indexes: readonly number[], taken: TakenProgress, takenAt: Moment, recentBlocksMax: number) {
    this.#taken = taken
    this.#own = new Map(indexes.map((index) => [index, taken.partitions.get(index) ?? nothingInserted]))
    this.#recent = taken.recent
    this.#recentBlocksMax = recentBlocksMax
    this.#heldAt = takenAt
  }

  get own(): ReadonlyMap<number, PartitionProgress> {
    return this.#own
  }

  /** Open when they were taken over. */
  get open(): readonly BlockIntent[] {
    return this.#taken.open
  }

  /** The newest blocks that are done, oldest first. */
  get recent(): readonly BlockIntent[] {
    return this.#recent
  }

  async begin(block: BlockIntent): Promise<void> {
    await this.#asked(() => this.#taken.begin(block))
  }

  /** Rejects with SLUICE_PROGRESS_FENCED when somebody else has taken a partition over, as far as was known a moment ago. */
  async stillHeld(): Promise<void> {
    if (elapsedMs(this.#heldAt) > heldMsMax) await this.#asked(() => this.#taken.check())
  }

  /** The block is in the table: what is held of its partitions moves on. `refusedIn`: a partition for each row that the table refused. */
  async done(block: BlockIntent, batches: readonly ReadBatch[], refusedIn: readonly number[]): Promise<void> {
    const moved = new Map<number, PartitionProgress>()
    for (const { offset, head } of batches) {
      const before = moved.get(head.partition) ?? this.#own.get(head.partition)
      // Somebody else's, or one where another owner has said it already: it was open in one of ours only.
      if (before === undefined || offset < before.offset) continue
      moved.set(head.partition, {
        offset: offset + 1,
        sourceOffset: head.to,
        epoch: head.epoch,
        throughMs: head.acceptedToMs,
        canaries: head.books.canary,
        rowsInserted: before.rowsInserted + head.rowCount,
        rowsRefused: before.rowsRefused,
      })
    }
    for (const partition of refusedIn) {
      const own = moved.get(partition)
      if (own === undefined) continue
      moved.set(partition, { ...own, rowsInserted: own.rowsInserted - 1, rowsRefused: own.rowsRefused + 1 })
    }
    await this.#asked(() => this.#taken.done(block, moved))
    for (const [partition, own] of moved) this.#own.set(partition, own)
    this.#recent = [...this.#recent, block].slice(-this.#recentBlocksMax)
  }

  async #asked(ask: () => Promise<void>): Promise<void> {
    const askedAt = now()
    await ask()
    this.#heldAt = askedAt
  }
}

/** By both clocks: one may stand still while the machine sleeps, the other may be set. */
export interface Moment {
  readonly wallMs: number
  readonly steadyMs: number
}

export function now(): Moment {
  return { wallMs: Date.now(), steadyMs: performance.now() }
}

function elapsedMs({ wallMs, steadyMs }: Moment): number {
  return Math.max(Date.now() - wallMs, performance.now() - steadyMs)
}
