import { aborted } from '../../../kit/aborted.ts'
import type { PartitionAssignment } from '../partition-assignment.ts'

/** For the only process of an installation: every partition is its own, for ever. */
export function allPartitions(partitionCount: number): PartitionAssignment {
  return {
    async *follow(signal) {
      if (signal.aborted) return
      yield Array.from({ length: partitionCount }, (_, partition) => partition)
      await aborted(signal)
    },
  }
}
