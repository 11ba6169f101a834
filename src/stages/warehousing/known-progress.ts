/**
 * How far the rows of all source indexes of a flow are in the table, whoever inserts them.
 *
 * Words:
 * - own: inserted by this process now. It knows exactly.
 * - others: inserted elsewhere, or by nobody at the moment. What their writers saved is known, half a second or so old.
 *
 * What is known never goes back: an answer may be older than what this process did itself before others took over.
 */
import { askedSeldom } from '../../kit/asked-seldom.ts'
import { Failure } from '../../kit/failure.ts'
import { nothingInserted } from '../../stores/warehouse/insert-progress.ts'
import type { InsertProgress, PartitionProgress } from '../../stores/warehouse/insert-progress.ts'

/** Several ask at once and often: what was said this long ago is new enough. */
const askEveryMs = 500
/** Whoever asks waits no longer than this for storage that is slow to say. */
const waitMsMax = 500

export class KnownProgress {
  readonly #all: PartitionProgress[]
  readonly #ask: () => Promise<void>
  #own: ReadonlySet<number> = new Set()

  constructor(progress: Pick<InsertProgress, 'all'>, partitionCount: number) {
    this.#all = Array.from({ length: partitionCount }, () => nothingInserted)
    this.#ask = askedSeldom(
      async () => {
        this.#learn(await progress.all())
      },
      { everyMs: askEveryMs, waitMsMax },
    )
  }

  /** From now on only the next call says where these stand. */
  own(partitions: ReadonlyMap<number, PartitionProgress>): void {
    this.#own = new Set(partitions.keys())
    for (const [partition, progress] of partitions) this.#all[partition] = progress
  }

  disown(): void {
    this.#own = new Set()
  }

  /** By source index; asks about others, unless that was done just now. As last known while storage is away. */
  async all(): Promise<readonly PartitionProgress[]> {
    if (this.#own.size < this.#all.length) await this.#ask().catch(unlessAway)
    return this.#all.slice()
  }

  #learn(said: ReadonlyMap<number, PartitionProgress>): void {
    for (const [partition, progress] of said) {
      if (this.#own.has(partition) || progress.offset < (this.#all[partition]?.offset ?? Infinity)) continue
      this.#all[partition] = progress
    }
  }
}

function unlessAway(error: unknown): void {
  if (!(error instanceof Failure && error.retryable)) throw error
}
