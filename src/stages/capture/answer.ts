/**
 * What a request is answered once admission has decided about its events (capture spec §10, C9).
 *
 * - sdk: 200 whatever the verdicts (204 for `beacon=1`), because PostHog's SDKs throw a batch away on 4xx and send it again on
 *   5xx. They read one thing of the body: `quota_limited`, and then send no more of that kind for a minute. So it stands there
 *   only when all of the request met the quota of that kind.
 * - strict: 409 when all of it is there already, 429 when any of it met a limit; JSON in both cases.
 */
import type { ReceiptEvent } from './receipt.ts'
import { receiptList } from './receipt.ts'

export interface Answer {
  readonly status: number
  readonly body: string
  readonly isText: boolean
  readonly outcomes?: readonly ReceiptEvent[]
  readonly allow?: string
  readonly retryAfterSeconds?: number
}

/** What the request itself asks of the answer. */
interface Wishes {
  readonly isBeacon: boolean
  readonly wantsReceipts: boolean
}

export const okBody = '{"status":"Ok"}'
const busyRetryAfterSeconds = 2

export function refused(status: number, body: string): Answer {
  return status === 503
    ? { status, body, isText: true, retryAfterSeconds: busyRetryAfterSeconds }
    : { status, body, isText: true }
}

export function answerFor(answers: 'sdk' | 'strict', outcomes: readonly ReceiptEvent[], wishes: Wishes): Answer {
  if (answers === 'strict') {
    const limited = outcomes.find(isLimited)
    if (limited !== undefined) {
      const status = limited.verdict
      return { ...strictAnswer(429, status, outcomes), retryAfterSeconds: longestWaitSeconds(outcomes) }
    }
    if (outcomes.length > 0 && outcomes.every(({ verdict }) => verdict === 'duplicate'))
      return strictAnswer(409, 'duplicate', outcomes)
  }
  const limitedKind = kindLimited(outcomes)
  if (limitedKind === undefined && !wishes.wantsReceipts)
    return { status: wishes.isBeacon ? 204 : 200, body: wishes.isBeacon ? '' : okBody, isText: false, outcomes }
  const body = JSON.stringify({
    status: 'Ok',
    ...(limitedKind === undefined ? {} : { quota_limited: [limitedKind] }),
    ...(wishes.wantsReceipts ? { receipts: receiptList(outcomes) } : {}),
  })
  // SDKs send their last words with `beacon=1` and want nothing back, but of a quota they are told all the same.
  if (wishes.isBeacon && limitedKind === undefined) return { status: 204, body: '', isText: false, outcomes }
  return { status: 200, body, isText: false, outcomes }
}

function strictAnswer(status: number, told: string, outcomes: readonly ReceiptEvent[]): Answer {
  return { status, body: JSON.stringify({ status: told, receipts: receiptList(outcomes) }), isText: false, outcomes }
}

function isLimited({ verdict }: ReceiptEvent): boolean {
  return verdict === 'quota_limited' || verdict === 'rate_limited'
}

/** Until all of it may be sent again, at least a second. */
function longestWaitSeconds(outcomes: readonly ReceiptEvent[]): number {
  let waitMs = 0
  for (const { limited } of outcomes) if (limited !== undefined) waitMs = Math.max(waitMs, limited.retryAfterMs)
  return Math.max(1, Math.ceil(waitMs / 1000))
}

/** The kind that SDKs know by this name, when every event of the request met its quota. */
function kindLimited(outcomes: readonly ReceiptEvent[]): 'events' | 'recordings' | undefined {
  const first = outcomes[0]
  if (first?.verdict !== 'quota_limited') return undefined
  const resource = first.limited?.resource
  if (resource !== 'events' && resource !== 'recordings') return undefined
  const isAll = outcomes.every(({ verdict, limited }) => verdict === 'quota_limited' && limited?.resource === resource)
  return isAll ? resource : undefined
}
