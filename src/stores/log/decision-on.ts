import { derivedBatchLines } from '../../event/derived-batch.ts'
import type { DerivedBatchHead, SourceException } from '../../event/derived-batch.ts'
import { sourceAt } from '../../event/flows.ts'
import type { Flow } from '../../event/flows.ts'
import { rawCharsMax } from './log-search.ts'
import type { DecidedRow, Decision } from './log-search.ts'

/** A derived batch as it was found in its lane. */
export interface FoundBatch {
  readonly head: DerivedBatchHead
  readonly value: Buffer
  readonly offset: number
  readonly incarnation: number
  readonly timeMs: number
}

/** What the batch says about one of the source offsets that it decided. */
export function decisionOn(offset: number, batch: FoundBatch, flow: Flow, partitionCount: number): Decision {
  const { head, value, incarnation, timeMs } = batch
  const exception = head.exceptions.find((one) => one.offset === offset)
  return {
    place: { ...sourceAt(flow, head.partition, partitionCount), offset },
    batch: { incarnation, partition: head.partition, offset: batch.offset },
    epoch: head.epoch,
    from: head.from,
    to: head.to,
    timeMs,
    exception: exception === undefined ? undefined : cutException(exception),
    row: exception === undefined ? rowOf(value, offset) : undefined,
  }
}

function cutException(exception: SourceException): SourceException {
  return exception.raw === undefined ? exception : { ...exception, raw: exception.raw.slice(0, rawCharsMax) }
}

function rowOf(value: Buffer, offset: number): DecidedRow | undefined {
  for (const line of derivedBatchLines(value)) {
    if (!line.includes(`"_offset":${String(offset)},`)) continue
    // Written by ingestion; the text may also stand in somebody's properties.
    const row = JSON.parse(line) as Readonly<Record<string, unknown>>
    if (row['_offset'] !== offset) continue
    return {
      uuid: String(row['uuid']),
      event: String(row['event']),
      projectId: Number(row['team_id']),
      version: Number(row['version']),
      expiresAt: Number(row['expires_at']),
    }
  }
  return undefined
}
