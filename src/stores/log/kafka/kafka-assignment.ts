/**
 * Shares partitions by a Kafka group whose brokers assign them (KIP-848, the `uniform` assignor: evenly, and moving few). The group is
 * used for this alone: its members subscribe to one topic of as many partitions, fetch nothing by it and commit nothing to it.
 *
 * A heartbeat goes to the coordinator at the group's pace or `heartbeatMs`, whichever is quicker, and at once when partitions were
 * given up. After a failure the coordinator is looked for again, on a new connection, after a pause that grows.
 * `kafka-assignment-member.ts` explains what a member knows and says.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type { PartitionAssignment } from '../partition-assignment.ts'
import { createGroupMember } from './kafka-assignment-member.ts'
import type { GroupMember } from './kafka-assignment-member.ts'
import { groupFailure, isExpelled, openGroupRequests, setGroupSession } from './kafka-assignment-requests.ts'
import type { GroupRequests, GroupRequestsOptions } from './kafka-assignment-requests.ts'
import * as happened from './kafka-assignment.events.ts'
import type { KafkaConnectionOptions } from './kafka-connection.ts'

export interface KafkaAssignmentOptions {
  readonly connection: KafkaConnectionOptions
  readonly groupId: string
  /**
   * Who joins, one process at a time. A member that joins again under its name after a death takes the place that it had, at once; under
   * another one it waits until the session of the dead one is over.
   */
  readonly memberId: string
  /** Whose partitions stand for all of the same number. */
  readonly topic: string
  /** After how long a silent member's partitions are given to others, where the brokers let us set that. */
  readonly sessionMs: number
  /** Longest pause between heartbeats: how soon a change is seen. */
  readonly heartbeatMs: number
  /** How long a member may take to end its work in partitions that others are to get. */
  readonly handoverMs: number
  readonly telemetry: Telemetry
}

/** One who leaves does not wait longer for the group's answer. */
const leaveMsMax = 2_000

/** Rejects only with Failures that trying again does not mend. */
export function kafkaAssignment(options: KafkaAssignmentOptions): PartitionAssignment {
  return {
    async *follow(signal) {
      const member = createGroupMember()
      const left = new AbortController()
      const news = createBell()
      const givenUp = createBell()
      const leaving = AbortSignal.any([signal, left.signal])
      const broken: unknown[] = []
      const takingPart = takePart(member, options, { news, givenUp }, leaving).catch((error: unknown) => {
        broken.push(error)
        news.ring()
      })
      try {
        while (!signal.aborted) {
          if (broken.length > 0) throw broken[0]
          const partitions = member.news()
          if (partitions === undefined) {
            await news.heard(undefined, signal)
            continue
          }
          member.show(partitions)
          happened.partitionsAssigned(partitions).emit(options.telemetry)
          yield partitions
          if (member.asked()) givenUp.ring()
        }
      } finally {
        left.abort()
        await takingPart
      }
    },
  }
}

/** From joining to leaving. Resolves once it has left, or could not. */
async function takePart(
  member: GroupMember,
  options: KafkaAssignmentOptions,
  bells: { readonly news: Bell; readonly givenUp: Bell },
  signal: AbortSignal,
): Promise<void> {
  const { groupId, memberId, topic, sessionMs, heartbeatMs, handoverMs, telemetry } = options
  const { retryDelayMs, retryDelayMsMax, requestTimeoutMs } = options.connection
  // A coordinator that does not answer must be found out while there is time to find another.
  const connection = { ...options.connection, requestTimeoutMs: Math.min(requestTimeoutMs, sessionMs / 2) }
  const group: GroupRequestsOptions = { connection, groupId, memberId, topic, handoverMs }
  let requests: GroupRequests | undefined
  let failures = 0
  let awaySinceMs = 0
  let isSessionSet = false

  /** Sends a heartbeat, takes the answer in, and returns how long to wait with the next. */
  async function beat(): Promise<number> {
    if (!isSessionSet) {
      const set = await setGroupSession(connection, groupId, sessionMs)
      if (set.refused !== undefined) happened.groupSessionRefused(set.sessionMs, sessionMs, set.refused).emit(telemetry)
      isSessionSet = true
    }
    requests ??= openGroupRequests(group, failures)
    const answer = await requests.heartbeat(member.heartbeat())
    member.answered(answer)
    happened.groupReached(failures === 0 ? 0 : performance.now() - awaySinceMs).emit(telemetry)
    failures = 0
    return Math.min(answer.heartbeatMs, heartbeatMs)
  }

  /** Returns how long to wait before the next try. */
  function failed(error: unknown): number {
    if (isExpelled(error) && member.isIn) {
      happened.memberExpelled(error).emit(telemetry)
      member.expelled()
      return 0
    }
    const failure = groupFailure(error)
    if (!failure.retryable) throw failure
    if (failures === 0) awaySinceMs = performance.now()
    happened.groupAway(failure, failures === 0).emit(telemetry)
    failures++
    requests?.close().catch(() => undefined)
    requests = undefined
    member.unreachable()
    return Math.min(retryDelayMs * 2 ** (failures - 1), retryDelayMsMax)
  }

  try {
    while (!signal.aborted) {
      const pauseMs = await untilAborted(beat(), signal).catch(failed)
      if (member.news() !== undefined) bells.news.ring()
      if (pauseMs !== undefined) await bells.givenUp.heard(pauseMs, signal)
    }
  } finally {
    // What was sent last may have let it in, even if no answer said so.
    if (requests !== undefined || member.isIn) await leave(requests ?? openGroupRequests(group, failures))
  }
}

/** Who cannot say so is missed when its session is over. */
async function leave(requests: GroupRequests): Promise<void> {
  const timer = new AbortController()
  const bound = sleep(leaveMsMax, undefined, { signal: timer.signal }).catch(() => undefined)
  await Promise.race([requests.leave().catch(() => undefined), bound])
  await Promise.race([requests.close().catch(() => undefined), bound])
  timer.abort()
}

/** Rejects as the work does; what becomes of it after the signal is nobody's concern. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  return await new Promise((resolve, reject) => {
    const onAbort = (): void => {
      resolve(undefined)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort)
    })
  })
}

/** Wakes one who waits; who rings while nobody does is heard by the next. */
interface Bell {
  ring(): void
  /** Also resolves when the time is up or the signal aborts. */
  heard(withinMs: number | undefined, signal: AbortSignal): Promise<void>
}

function createBell(): Bell {
  let isRung = false
  let wake = (): void => undefined
  return {
    ring() {
      isRung = true
      wake()
    },
    async heard(withinMs, signal) {
      if (!isRung && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = withinMs === undefined ? undefined : setTimeout(() => wake(), withinMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
          signal.addEventListener('abort', wake, { once: true })
        })
        signal.removeEventListener('abort', wake)
      }
      isRung = false
    },
  }
}
