import type { Lane } from '../../../event/position.ts'
import type { Remembered } from '../event-log.ts'
import type { LogEpochs } from '../log-epochs.ts'

/** Epochs in memory, for tests of logs: keeps every promise but the one about durability. */
export function createMemoryLogEpochs(): LogEpochs {
  const lanes = new Map<Lane, Map<number, { epoch: number; remembered: Remembered | undefined }>>()

  function partitionsOf(lane: Lane) {
    const found = lanes.get(lane) ?? new Map<number, { epoch: number; remembered: Remembered | undefined }>()
    lanes.set(lane, found)
    return found
  }

  return {
    take(lane, partitions, above) {
      const kept = partitionsOf(lane)
      for (const partition of partitions) {
        const before = kept.get(partition)
        const epoch = Math.max(before?.epoch ?? 0, above?.get(partition) ?? 0) + 1
        kept.set(partition, { epoch, remembered: before?.remembered })
      }
      return Promise.resolve(
        new Map(partitions.map((one) => [one, { epoch: 0, remembered: undefined, ...kept.get(one) }])),
      )
    },
    newest: (lane, partitions) =>
      Promise.resolve(new Map(partitions.map((one) => [one, partitionsOf(lane).get(one)?.epoch ?? 0]))),
    remember(lane, newest) {
      for (const [partition, { epoch, offset, about }] of newest) {
        const own = partitionsOf(lane).get(partition)
        if (own?.epoch === epoch) own.remembered = { offset, about }
      }
      return Promise.resolve()
    },
    remembered(lane) {
      const known = [...partitionsOf(lane)].flatMap(([partition, { remembered }]) =>
        remembered === undefined ? [] : [[partition, remembered] as const],
      )
      return Promise.resolve(new Map(known.toSorted(([a], [b]) => a - b)))
    },
  }
}
