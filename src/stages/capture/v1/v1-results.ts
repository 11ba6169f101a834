/** What a v1 client is told of each of its events (capture spec §15.3). */
import type { ReceiptEvent } from '../receipt.ts'
import { secondsFrom } from './v1-problem.ts'
import type { V1Event } from './v1-events.ts'

export interface V1Results {
  readonly body: string
  /** When an event is to be sent again: once there is room for it. */
  readonly retryAfterSeconds: number | undefined
}

/**
 * A copy is `ok`: it is stored, which is all that its sender wants to know. What a rate limit holds back is `retry`, because v1
 * SDKs send just these events again and wait for as long as `Retry-After` says; what a quota holds back is dropped, as nothing
 * but time or money helps.
 *
 * `outcomes`: in the order of `events`.
 */
export function v1ResultsFrom(events: readonly V1Event[], outcomes: readonly ReceiptEvent[]): V1Results {
  let body = '{"results":{'
  let waitMs = -1
  for (const [n, event] of events.entries()) {
    const outcome = outcomes[n]
    if (outcome?.verdict === 'rate_limited') waitMs = Math.max(waitMs, outcome.limited?.retryAfterMs ?? 0)
    body += `${n === 0 ? '' : ','}"${event.uuid}":${resultOf(event, outcome)}`
  }
  return { body: `${body}}}`, retryAfterSeconds: waitMs < 0 ? undefined : secondsFrom(waitMs) }
}

const ok = '{"result":"ok"}'
const personless = '{"result":"ok","details":"person_processing_disabled"}'

function resultOf(event: V1Event, outcome: ReceiptEvent | undefined): string {
  switch (outcome?.verdict) {
    case 'stored':
    case 'duplicate':
      return event.isPersonless === true || outcome.isPersonless === true ? personless : ok
    case 'refused':
      return drop(event.refusal ?? 'rejected')
    case 'quota_limited':
      return drop('billing_limit_exceeded')
    case 'dropped':
      return drop('event_restriction_drop')
    case 'rate_limited':
      return retry('rate_limited')
    case undefined:
      return retry('not_persisted')
  }
}

function drop(tag: string): string {
  return `{"result":"drop","details":"${tag}"}`
}

function retry(tag: string): string {
  return `{"result":"retry","details":"${tag}"}`
}
