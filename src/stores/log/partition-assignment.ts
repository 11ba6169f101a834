/**
 * Which partitions of the source lanes this process works on, where several processes share the work.
 * `partition-assignment.contract.ts` checks the promises.
 *
 * An assignment makes nobody an owner: for a while two processes may believe that a partition is theirs. Whose it is decide epochs
 * (`EventLog.own`, `InsertProgress.take`); an assignment only sees to it that every partition is soon worked on, by one.
 */
export interface PartitionAssignment {
  /**
   * Joins those who share the work. Yields the partitions of this process, ascending, as soon as they are known and whenever they
   * have changed; what changed several times while nobody asked comes once, as it is then. None: there are more processes than
   * partitions. While whoever assigns is away, what was assigned last stays. Leaves when the signal aborts, so that others get the
   * partitions at once, and ends without an error.
   *
   * To ask for the next is to say that nothing is done any more in partitions that the last did not have: only then do others get
   * them, so that work ends in one place before it begins in another. Whoever does not ask for too long loses that say.
   */
  follow(signal: AbortSignal): AsyncIterable<readonly number[]>
}
