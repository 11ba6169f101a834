/** What of an event goes into the log, with the same headers that the journal shows of it (`LogHeaders`). */
import { formatUuid } from '../../../event/uuid.ts'
import type { SourceRecord } from '../../log/source-lanes.ts'
import { eventMarks } from '../../../event/event-marks.ts'
import { duplicateKeyHeader } from '../duplicate-key-header.ts'
import type { IntakeEvent, IntakeRequest } from '../intake.ts'

type Headers = Readonly<Record<string, string>>

const reasonCharsMax = 500

/** What all events of the request share (C10); what the request says beside it can take none of it away. */
export function sharedHeaders({ headers, token, ip, nowMs, sentAtMs }: IntakeRequest): Headers {
  const shared = { ...headers, token, ip, now: String(nowMs) }
  return sentAtMs === undefined ? shared : { ...shared, sent_at: String(sentAtMs) }
}

/** The record of one event; with its duplicate key, by which the owner of the partition finds copies that the door did not. */
export function recordFrom(
  { body }: IntakeRequest,
  event: IntakeEvent,
  lane: SourceRecord['lane'],
  partition: number,
  shared: Headers,
): SourceRecord {
  const { start, end, uuid, distinctId, refusal, marks = 0, splitFrom, duplicateKey } = event
  const headers: Record<string, string> = { ...shared, uuid: formatUuid(uuid), distinct_id: distinctId }
  if (refusal !== undefined) headers['reason'] = refusal.slice(0, reasonCharsMax)
  else {
    if (marks !== 0) Object.assign(headers, headersByMarks[marks])
    if (duplicateKey !== undefined && splitFrom === undefined)
      headers['duplicate_key'] = duplicateKeyHeader(duplicateKey)
  }
  return { lane, partition, headers, value: body.subarray(start, end) }
}

/** Of all combinations that an event can have. */
const headersByMarks = Array.from({ length: 256 }, (_, marks) => headersOf(marks))

function headersOf(marks: number): Headers {
  const headers: Record<string, string> = {}
  for (const [name, bit] of Object.entries(eventMarks)) {
    if ((marks & bit) === 0) continue
    // It stands for the address that an event made by the installation itself has (capture spec §9).
    if (name === 'capture_internal') headers['ip'] = '127.0.0.1'
    else headers[name] = 'true'
  }
  return headers
}
