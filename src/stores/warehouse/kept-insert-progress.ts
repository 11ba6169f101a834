/**
 * Insert progress that one process alone reaches: in memory by the rules of `InsertProgress`, and made durable as a whole, after each
 * change, by whoever gives `save`. Who took a partition over is not made durable: what this process said ends with it.
 */
import { Failure } from '../../kit/failure.ts'
import type { BlockIntent, InsertProgress, PartitionProgress } from './insert-progress.ts'

export interface KeptProgress {
  readonly partitions: ReadonlyMap<number, PartitionProgress>
  /** In the order in which they were begun: those that are open, and the newest that are done. */
  readonly blocks: readonly KeptBlock[]
}

export interface KeptBlock {
  readonly block: BlockIntent
  /** Partitions in which it is not done. */
  readonly openIn: readonly number[]
  /** Partitions in which it is open, or one of the newest that are done. */
  readonly recentIn: readonly number[]
}

export const nothingKept: KeptProgress = { partitions: new Map(), blocks: [] }

export function createKeptInsertProgress(
  found: KeptProgress,
  recentBlocksMax: number,
  save: (kept: KeptProgress) => Promise<void>,
): InsertProgress {
  let kept = found
  /** How often each partition was taken over. */
  const epochs = new Map<number, number>()
  let turn: Promise<unknown> = Promise.resolve()

  /** One after the other, whoever calls. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work, work)
    turn = done
    return done
  }

  async function keep(next: KeptProgress): Promise<void> {
    await save(next)
    kept = next
  }

  return {
    take: (partitions) =>
      inTurn(async () => {
        const own = new Map(partitions.map((partition) => [partition, (epochs.get(partition) ?? 0) + 1]))
        for (const [partition, epoch] of own) epochs.set(partition, epoch)
        const guarded = (concerned: Iterable<number>, work: () => Promise<void>): Promise<void> =>
          inTurn(async () => {
            for (const partition of concerned)
              if (epochOf(own, partition) !== epochs.get(partition)) throw fenced(partition)
            await work()
          })
        const ownBlocks = kept.blocks.filter(({ block }) => block.ranges.some(({ partition }) => own.has(partition)))
        return {
          partitions: new Map([...kept.partitions].filter(([partition]) => own.has(partition))),
          open: blocksOf(ownBlocks.filter((one) => isOpenIn(one, own))),
          recent: blocksOf(ownBlocks.filter((one) => isRecentIn(one, own))),
          begin: (block) => guarded(partitionsOf(block), () => keep(withBegun(kept, block))),
          check: () => guarded(own.keys(), () => Promise.resolve()),
          done: (block, moved) =>
            guarded(moved.keys(), () => keep(withoutOldest(withDone(kept, block, moved), own, recentBlocksMax))),
        }
      }),
    all: () => Promise.resolve(new Map(kept.partitions)),
  }
}

function withBegun(kept: KeptProgress, begun: BlockIntent): KeptProgress {
  if (kept.blocks.some(({ block }) => block.token === begun.token)) return kept
  const block = structuredClone(begun)
  const partitions = partitionsOf(block)
  return { ...kept, blocks: [...kept.blocks, { block, openIn: partitions, recentIn: partitions }] }
}

function withDone(
  { partitions, blocks }: KeptProgress,
  { token }: BlockIntent,
  moved: ReadonlyMap<number, PartitionProgress>,
): KeptProgress {
  return {
    partitions: new Map([...partitions, ...[...moved].map(([partition, own]) => [partition, { ...own }] as const)]),
    blocks: blocks.map((one) =>
      one.block.token === token ? { ...one, openIn: one.openIn.filter((partition) => !moved.has(partition)) } : one,
    ),
  }
}

/** Of the blocks that are done in the partitions of one owner the newest stay so there. */
function withoutOldest(kept: KeptProgress, own: ReadonlyMap<number, number>, recentBlocksMax: number): KeptProgress {
  const recent = kept.blocks.filter((one) => isRecentIn(one, own))
  const oldest = new Set(recent.slice(0, Math.max(0, recent.length - recentBlocksMax)))
  const blocks = kept.blocks.map((one) =>
    oldest.has(one) ? { ...one, recentIn: one.recentIn.filter((partition) => !own.has(partition)) } : one,
  )
  return { ...kept, blocks: blocks.filter(({ recentIn }) => recentIn.length > 0) }
}

function isOpenIn({ openIn }: KeptBlock, own: ReadonlyMap<number, number>): boolean {
  return openIn.some((partition) => own.has(partition))
}

/** It may be open in partitions that others have. */
function isRecentIn(one: KeptBlock, own: ReadonlyMap<number, number>): boolean {
  return !isOpenIn(one, own) && one.recentIn.some((partition) => own.has(partition))
}

function blocksOf(blocks: readonly KeptBlock[]): readonly BlockIntent[] {
  return blocks.map(({ block }) => block)
}

export function partitionsOf({ ranges }: BlockIntent): readonly number[] {
  return ranges.map(({ partition }) => partition)
}

function epochOf(own: ReadonlyMap<number, number>, partition: number): number {
  const epoch = own.get(partition)
  if (epoch === undefined) throw new RangeError(`Partition ${String(partition)} was not taken over.`)
  return epoch
}

function fenced(partition: number): Failure {
  return new Failure(
    'SLUICE_PROGRESS_FENCED',
    `Somebody newer has taken over to insert the rows of partition ${String(partition)}.`,
  )
}
