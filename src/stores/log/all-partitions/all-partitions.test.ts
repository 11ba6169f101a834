import { describePartitionAssignment } from '../partition-assignment.contract.ts'
import { allPartitions } from './all-partitions.ts'

describePartitionAssignment('The only process', {
  open: (partitionCount) => Promise.resolve({ join: () => allPartitions(partitionCount) }),
  isShared: false,
})
