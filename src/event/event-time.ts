/**
 * When an event happened, by the server's clock. Source: capture spec §8 (algorithm), plugin server spec §2.5 (warnings).
 *
 * | given | result |
 * |---|---|
 * | timestamp and sent_at | now + (timestamp - sent_at): the client's clock may be wrong, its differences are not |
 * | timestamp alone, or `$ignore_sent_at: true` | timestamp |
 * | offset (with or without a timestamp) | now - offset |
 * | nothing, or a timestamp that cannot be read | now |
 *
 * A result more than 23 hours ahead of now becomes now. One that the table cannot hold (years 1900 to 2299) becomes the
 * Unix epoch: PostHog does so outside of years 0 to 9999, and so do we for what lies between, which ClickHouse would
 * otherwise turn into some other time without a word.
 */
import { instantFrom } from './instant.ts'

export interface TimeInputs {
  /** The event's `timestamp` as sent: text, or a number of seconds or milliseconds. */
  readonly timestamp: unknown
  /** The event's `offset`: milliseconds before now. */
  readonly offset: unknown
  /** `properties.$ignore_sent_at` is true. */
  readonly ignoreSentAt: boolean
  readonly sentAtMs: number | undefined
  readonly nowMs: number
}

/** What is to be said to the project about the time of an event, by PostHog's names of ingestion warnings. */
export type TimeWarning = 'ignored_invalid_timestamp' | 'event_timestamp_in_future' | 'event_timestamp_out_of_bounds'

export interface EventTime {
  /** Unix milliseconds, whole. */
  readonly ms: number
  readonly warning: TimeWarning | undefined
}

const hourMs = 3_600_000
const futureMsMax = 23 * hourMs
/** What a DateTime64 column holds. */
const earliestMs = Date.UTC(1900, 0, 1)
const latestMs = Date.UTC(2300, 0, 1) - 1

export function eventTime({ timestamp, offset, ignoreSentAt, sentAtMs, nowMs }: TimeInputs): EventTime {
  let ms = nowMs
  let warning: TimeWarning | undefined
  if (typeof offset === 'number' && Number.isFinite(offset)) {
    ms = Math.floor(nowMs - offset)
  } else if (timestamp !== undefined && timestamp !== null) {
    const read = readTimestamp(timestamp)
    if (read === undefined) warning = 'ignored_invalid_timestamp'
    else ms = sentAtMs === undefined || ignoreSentAt ? read : read - (sentAtMs - nowMs)
  }
  if (ms > nowMs + futureMsMax) return { ms: nowMs, warning: 'event_timestamp_in_future' }
  if (ms < earliestMs || ms > latestMs) return { ms: 0, warning: 'event_timestamp_out_of_bounds' }
  return { ms, warning }
}

function readTimestamp(timestamp: unknown): number | undefined {
  if (typeof timestamp === 'string') return instantFrom(timestamp)
  return typeof timestamp === 'number' ? instantFrom(String(timestamp)) : undefined
}
