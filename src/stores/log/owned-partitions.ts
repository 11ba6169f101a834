/** What every adapter checks of the partitions that somebody asks for or has. */
import type { Remembered } from './event-log.ts'

const aboutBytesMax = 64 * 1024

/** Those of a list, ascending and each once; all of the lane without one. Throws a RangeError for one that the lane does not have. */
export function ownedPartitions(count: number, partitions?: readonly number[]): readonly number[] {
  const all = Array.from({ length: count }, (_, partition) => partition)
  if (partitions === undefined) return all
  for (const partition of partitions)
    if (!(partition in all)) throw new RangeError(`There is no partition ${String(partition)}.`)
  return [...new Set(partitions)].toSorted((a, b) => a - b)
}

export function notOwned(partition: number): RangeError {
  return new RangeError(`Partition ${String(partition)} is none of those that were taken over.`)
}

/** Throws a RangeError when one of the partitions is another's, or a text too long. */
export function checkRemembered(owned: readonly number[], newest: ReadonlyMap<number, Remembered>): void {
  for (const [partition, { about }] of newest) {
    if (!owned.includes(partition)) throw notOwned(partition)
    if (Buffer.byteLength(about) > aboutBytesMax)
      throw new RangeError(`What is said of a partition has at most ${String(aboutBytesMax)} bytes.`)
  }
}
