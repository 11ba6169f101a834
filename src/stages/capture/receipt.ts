/** What the answer says about where the events are (design §4.1). */
import type { DoorVerdict } from '../../event/door-verdict.ts'
import { formatUuid } from '../../event/uuid.ts'
import type { UuidWords } from '../../event/uuid.ts'

/** What the door decided about one event. */
export interface ReceiptEvent {
  /** Place in what the client sent, 0-based. */
  readonly index: number
  readonly verdict: DoorVerdict
  readonly lane: string
  readonly partition: number
  readonly offset: number
  readonly uuid: UuidWords
  readonly refusal: string | undefined
  /** What was used up, of an event that met a limit, and when the next one is let in. */
  readonly limited?: { readonly resource: string; readonly retryAfterMs: number }
  /** Stored, but persons are not worked out for it. */
  readonly isPersonless?: boolean
}

/**
 * Header `sluice-receipt`: `<durability>; n=<events>; <lane>/<partition>@<offset>..<lane>/<partition>@<offset>`, positions
 * of the first and last event that is stored (of its first copy for a duplicate); one position when there is one event.
 * A request sent again gets the first receipt again. At most 512 bytes.
 */
export function receiptHeader(durability: string, events: readonly ReceiptEvent[]): string {
  let first: ReceiptEvent | undefined
  let last: ReceiptEvent | undefined
  let count = 0
  for (const event of events) {
    if (event.verdict !== 'stored' && event.verdict !== 'duplicate') continue
    first ??= event
    last = event
    count++
  }
  const head = `${durability}; n=${String(count)}`
  if (first === undefined || last === undefined) return head
  return count === 1 ? `${head}; ${positionText(first)}` : `${head}; ${positionText(first)}..${positionText(last)}`
}

/** Header `sluice-verdicts`: how many events got which verdict, e.g. `stored=48, duplicate=1, refused=1`. */
export function verdictsHeader(events: readonly ReceiptEvent[]): string {
  const counts = { stored: 0, duplicate: 0, refused: 0, quota_limited: 0, rate_limited: 0, dropped: 0 }
  for (const { verdict } of events) counts[verdict]++
  let text = `stored=${String(counts.stored)}`
  if (counts.stored === events.length) return text
  for (const [verdict, count] of Object.entries(counts))
    if (count > 0 && verdict !== 'stored') text += `, ${verdict}=${String(count)}`
  return text
}

/** The list per event, for `?receipts=1`: uuid, verdict, position, and the reason of a refused one. */
export function receiptList(events: readonly ReceiptEvent[]): unknown[] {
  return events.map((event) => ({
    index: event.index,
    uuid: formatUuid(event.uuid),
    verdict: event.verdict,
    ...(event.offset < 0 ? {} : { position: positionText(event) }),
    ...(event.limited === undefined ? {} : { limited: event.limited.resource }),
    ...(event.refusal === undefined ? {} : { reason: event.refusal }),
  }))
}

function positionText({ lane, partition, offset }: ReceiptEvent): string {
  return `${lane}/${String(partition)}@${String(offset)}`
}
