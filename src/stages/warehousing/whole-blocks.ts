/** Which blocks the table has whole, found out without reading the log. */
import type { BlockIntent } from '../../stores/warehouse/insert-progress.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'

interface Wanted {
  readonly block: BlockIntent
  readonly fromOffset: number
  readonly toOffset: number
}

/**
 * Asks once a partition, not once a block and partition: every question has its price however little it asks for, and a
 * start has a thousand of them. A block with rows that are past their time is not whole.
 */
export async function wholeBlocks(
  blocks: readonly BlockIntent[],
  warehouse: Pick<Warehouse, 'present'>,
): Promise<ReadonlySet<BlockIntent>> {
  const counts = new Map(blocks.map((block) => [block, 0]))
  const ranges = blocks.flatMap((block) => block.ranges.map((range) => ({ block, range })))
  for (const [partition, own] of Map.groupBy(ranges, ({ range }) => range.partition)) {
    const wanted = own
      .map(({ block, range }): Wanted => ({ block, fromOffset: range.sourceFrom, toOffset: range.sourceTo }))
      .sort((a, b) => a.fromOffset - b.fromOffset)
    const all = {
      partition,
      fromOffset: Math.min(...wanted.map(({ fromOffset }) => fromOffset)),
      toOffset: Math.max(...wanted.map(({ toOffset }) => toOffset)),
      acceptedFromMs: Math.min(...own.map(({ range }) => range.acceptedFromMs)),
      acceptedToMs: Math.max(...own.map(({ range }) => range.acceptedToMs)),
    }
    // Both ascend, so that one walk meets each row's block.
    let at = 0
    let last = { offset: -1, index: -1 }
    for await (const page of warehouse.present(all)) {
      for (const { offset, index } of page) {
        if (offset === last.offset && index === last.index) continue
        last = { offset, index }
        while (offset >= (wanted[at]?.toOffset ?? Infinity)) at++
        const found = wanted[at]
        if (found !== undefined && offset >= found.fromOffset)
          counts.set(found.block, (counts.get(found.block) ?? 0) + 1)
      }
    }
  }
  return new Set(blocks.filter((block) => counts.get(block) === block.rowCount))
}
