/** Which records of the derived lane count, in the order in which they come; and those of a block once more. */
import { derivedBatchHead } from '../../event/derived-batch.ts'
import type { Lane } from '../../event/position.ts'
import { Failure } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { EventLog, LogRecord } from '../../stores/log/event-log.ts'
import type { BlockIntent } from '../../stores/warehouse/insert-progress.ts'
import type { ReadBatch } from './block.ts'
import * as happened from './warehousing.events.ts'

/** Where a reading of the derived lane stands, by partition. */
export interface Reading {
  /** Source offset at which the next batch must begin. */
  readonly expected: Map<number, number>
  /** Newest epoch seen. */
  readonly epochs: Map<number, number>
}

export const readBytesMax = 4 * 1024 * 1024

/**
 * Accepts a batch only when its range begins where the reader stands and no newer owner was seen: repeats and what a
 * replaced owner still wrote are passed over; a gap means that something was lost and must not be hidden.
 */
export function accepted(
  record: LogRecord,
  { expected, epochs }: Reading,
  telemetry: Telemetry,
): ReadBatch | undefined {
  const { partition, offset } = record.position
  const head = derivedBatchHead(record.value)
  const from = expected.get(partition) ?? 0
  const epochBefore = epochs.get(partition) ?? 0
  if (head.epoch < epochBefore) {
    happened.batchPassedOver(partition, 'older epoch').emit(telemetry)
    return undefined
  }
  epochs.set(partition, head.epoch)
  // One that renews an older batch begins and ends where the reader stands: nothing is inserted, and yet it is read.
  const isRenewal = head.from === from && head.to === from
  if (head.to <= from && !isRenewal) {
    happened.batchPassedOver(partition, 'repeat').emit(telemetry)
    return undefined
  }
  if (head.from !== from) {
    throw gapFailure(partition, head.from, from)
  }
  expected.set(partition, head.to)
  return { offset, head, value: record.value, epochBefore }
}

/** Reads the batches of a block again, accepting and passing over what was accepted and passed over the first time. */
export async function readBlock(
  log: EventLog,
  lane: Lane,
  { ranges }: BlockIntent,
  telemetry: Telemetry,
): Promise<readonly ReadBatch[]> {
  const from = Array.from({ length: log.partitionsOf(lane) }, () => 0)
  const to = [...from]
  for (const range of ranges) {
    from[range.partition] = range.from
    to[range.partition] = range.to
  }
  const reading: Reading = {
    expected: new Map(ranges.map(({ partition, sourceFrom }) => [partition, sourceFrom])),
    epochs: new Map(ranges.map(({ partition, epoch }) => [partition, epoch])),
  }
  const batches: ReadBatch[] = []
  const partitions = ranges.map(({ partition }) => partition)
  const options = { signal: new AbortController().signal, batchBytesMax: readBytesMax }
  for await (const records of log.read([{ lane, from, to, partitions }], options)) {
    for (const record of records) {
      const batch = accepted(record, reading, telemetry)
      if (batch !== undefined) batches.push(batch)
    }
  }
  // Damage may have taken records away.
  for (const { partition, sourceTo } of ranges) {
    const due = reading.expected.get(partition)
    if (due !== sourceTo) throw gapFailure(partition, sourceTo, due)
  }
  return batches
}

function gapFailure(partition: number, found: number, due: number | undefined): Failure {
  return new Failure(
    'SLUICE_DERIVED_GAP',
    `Partition ${String(partition)} of the derived lane goes on at source offset ${String(found)} where ${String(due)} was due. Nothing is inserted past it; run "sluice verify" to see what is missing.`,
  )
}
