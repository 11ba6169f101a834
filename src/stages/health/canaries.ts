/**
 * Health is progress: every interval one event for each partition goes in at the front door, under a reserved project, and
 * must come out of the table. Whoever is stuck in between, it shows here.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import * as happened from './health.events.ts'

export interface CanariesOptions {
  /** Sends the events through the front door; rejects when they are not acknowledged. */
  send(events: readonly CanaryEvent[]): Promise<void>
  /** How many of these uuids the table has. */
  seen(uuids: readonly string[]): Promise<number>
  /** One for each partition. */
  readonly distinctIds: readonly string[]
  readonly intervalMs: number
  /** How long they may take from the door to the table. */
  readonly timeoutMs: number
  readonly telemetry: Telemetry
}

export interface CanaryEvent {
  readonly uuid: string
  readonly event: string
  readonly distinct_id: string
  readonly properties: Readonly<Record<string, never>>
}

export interface CanaryState {
  /** When canaries last came through, Unix milliseconds; undefined until the first ones did. */
  readonly arrivedAtMs: number | undefined
  /** How long they took. */
  readonly durationMs: number | undefined
  /** Why the last ones did not; undefined when they did. */
  readonly failure: string | undefined
}

export interface Canaries {
  state(): CanaryState
  run(signal: AbortSignal): Promise<void>
}

const lookEveryMs = 500

export function createCanaries(options: CanariesOptions): Canaries {
  const { distinctIds, intervalMs, telemetry } = options
  let state: CanaryState = { arrivedAtMs: undefined, durationMs: undefined, failure: undefined }

  async function flight(signal: AbortSignal): Promise<void> {
    const events = distinctIds.map((distinctId) => ({
      uuid: randomUUID(),
      event: 'canary',
      distinct_id: distinctId,
      properties: {},
    }))
    const uuids = events.map(({ uuid }) => uuid)
    const startedMs = performance.now()
    await options.send(events)
    while (!signal.aborted) {
      const count = await options.seen(uuids)
      const durationMs = performance.now() - startedMs
      if (count === uuids.length) {
        state = { arrivedAtMs: Date.now(), durationMs, failure: undefined }
        happened.canaryArrived(durationMs).emit(telemetry)
        return
      }
      if (durationMs > options.timeoutMs) {
        throw new Error(`${String(uuids.length - count)} of ${String(uuids.length)} were not in the table in time`)
      }
      await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined)
    }
  }

  return {
    state: () => state,
    async run(signal) {
      // Who starts together is not there at once.
      await sleep(Math.min(intervalMs, 1000), undefined, { signal }).catch(() => undefined)
      while (!signal.aborted) {
        try {
          await flight(signal)
        } catch (error) {
          state = { ...state, failure: messageOf(error) }
          happened.canaryMissing(messageOf(error)).emit(telemetry)
        }
        await sleep(intervalMs, undefined, { signal }).catch(() => undefined)
      }
    },
  }
}
