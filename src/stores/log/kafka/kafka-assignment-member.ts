/**
 * What one member of a Kafka group knows, says at each heartbeat, and shows to whoever works here (KIP-848: brokers assign). No I/O.
 *
 * Words used here:
 * - assigned: what the group says that this member should have; undefined before it has said anything.
 * - shown: what the one who works was given last.
 * - busy: what work may still be going on in: shown before the one who works last asked for news, and since.
 * - held: what this member tells the group that it has: assigned, and what it was assigned before and is busy in. Nobody else
 *   gets that. What the member was assigned before it was expelled is not held, whoever is busy in it.
 *
 * States:
 * - out (epoch 0): the next heartbeat joins. So it is at first, and when the group has expelled the member, because it was
 *   silent for too long or held for too long what it should have given up.
 * - in (the epoch that the group has said last).
 */
export interface GroupMember {
  /** What to say now. All of it, each time: an answer that was lost matters to nobody then. */
  heartbeat(): Heartbeat
  answered(answer: HeartbeatAnswer): void
  /** The group knows this member no more. */
  expelled(): void
  /** The group cannot be reached. Who is in keeps what it has; who is out has nothing any more. */
  unreachable(): void
  /** What to show, when that is not what was shown last. */
  news(): readonly number[] | undefined
  show(partitions: readonly number[]): void
  /** Whoever works has ended what it did outside of what it was shown last. True: the group should hear of that at once. */
  asked(): boolean
  readonly isIn: boolean
}

export interface Heartbeat {
  readonly memberEpoch: number
  readonly topicId: string
  readonly held: readonly number[]
}

export interface HeartbeatAnswer {
  readonly memberEpoch: number
  /** Of one topic. Undefined: as it was. */
  readonly assigned: { readonly topicId: string; readonly partitions: readonly number[] } | undefined
}

const joining = 0

export function createGroupMember(): GroupMember {
  let memberEpoch = joining
  let topicId = ''
  let assigned: readonly number[] | undefined
  let shown: readonly number[] | undefined
  let busy: ReadonlySet<number> = new Set()
  let held: readonly number[] = []

  const holdOn = (): readonly number[] =>
    [...new Set([...(assigned ?? []), ...held.filter((partition) => busy.has(partition))])].sort((a, b) => a - b)

  return {
    heartbeat: () => ({ memberEpoch, topicId, held }),

    answered(answer) {
      memberEpoch = answer.memberEpoch
      if (answer.assigned === undefined) return
      // A topic that was made anew has other partitions.
      if (answer.assigned.topicId !== topicId) held = []
      topicId = answer.assigned.topicId
      assigned = [...answer.assigned.partitions].sort((a, b) => a - b)
      held = holdOn()
    },

    expelled() {
      memberEpoch = joining
      held = []
    },

    unreachable() {
      if (memberEpoch === joining && assigned !== undefined) assigned = []
    },

    news() {
      return assigned === undefined || String(assigned) === String(shown) ? undefined : assigned
    },

    show(partitions) {
      shown = partitions
      busy = new Set([...busy, ...partitions])
    },

    asked() {
      busy = new Set(shown)
      const before = held.length
      held = memberEpoch === joining ? [] : holdOn()
      return held.length < before
    },

    get isIn() {
      return memberEpoch !== joining
    },
  }
}
