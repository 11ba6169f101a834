/**
 * A derived batch as messages of its topic, and back. Foreign readers know the rows; Sluice reads batches.
 *
 * ```
 *  one record batch of Kafka: control message │ row │ row │ …
 *  control message: no key; value: the head, JSON; headers: as below, beside those of the record
 *  row:             no key, no headers; value: one line of JSON
 *  epoch marker:    a control message alone, without `sluice-batch`; value {"epoch":n}
 * ```
 *
 * The broker takes a record batch whole or not at all (ADR 0022), so there is no batch without all of its rows. The record that
 * readers of the port are shown has the control message's offset, and the offsets of the rows behind it are nobody's.
 *
 * Words:
 * - valid: of a batch: its epoch is not older than the newest that stands before it in its partition.
 * - previous: the offset of the newest valid batch before this one, or -1. Says whether a reader whose offset was removed has
 *   missed a batch, or only rows and markers of no use to it.
 */
import type { RecordsBatch } from '@platformatic/kafka'
import type { LogHeaders, NewRecord } from '../event-log.ts'
import type { Message } from './kafka-requests.ts'

export interface Stamp {
  readonly epoch: number
  readonly previous: number
}

/** What a record batch of a derived lane is. */
export type Control =
  | { readonly kind: 'marker'; readonly offset: number; readonly epoch: number }
  | {
      readonly kind: 'batch'
      readonly offset: number
      readonly epoch: number
      readonly previous: number
      readonly headers: LogHeaders
      readonly value: Buffer
    }

const names = {
  version: 'sluice-batch',
  epoch: 'sluice-epoch',
  previous: 'sluice-previous',
  rows: 'sluice-rows',
  /** Set when the last row has no line end behind it. */
  open: 'sluice-open',
} as const
const ownNames: ReadonlySet<string> = new Set(Object.values(names))
const version = '1'
const lineEnd = 0x0a
const noHeaders = new Map<Buffer, Buffer>()

/** Throws a RangeError when the value is no derived batch. */
export function batchMessages({ headers, value }: NewRecord, { epoch, previous }: Stamp): readonly Message[] {
  const headEnd = endOfHead(value)
  const rows = linesOf(value.subarray(headEnd))
  const isOpen = value.length > headEnd && value.at(-1) !== lineEnd
  const control = messageHeaders({
    ...headers,
    [names.version]: version,
    [names.epoch]: String(epoch),
    [names.previous]: String(previous),
    [names.rows]: String(rows.length),
    ...(isOpen ? { [names.open]: '1' } : {}),
  })
  return [
    { value: value.subarray(4, headEnd), headers: control },
    ...rows.map((row) => ({ value: row, headers: noHeaders })),
  ]
}

/** Where the head of a derived batch ends. Throws a RangeError when the value is none. */
export function endOfHead(value: Buffer): number {
  const headEnd = value.length < 4 ? 0 : 4 + value.readUInt32LE(0)
  if (headEnd < 4 || headEnd > value.length) throw new RangeError('What goes to a derived lane is a derived batch.')
  return headEnd
}

export function markerMessage(epoch: number): Message {
  return { value: Buffer.from(JSON.stringify({ epoch })), headers: messageHeaders({ [names.epoch]: String(epoch) }) }
}

/** Undefined when it is not of Sluice, or not whole: nobody reads it then. */
export function controlOf(batch: RecordsBatch): Control | undefined {
  const [control, ...rows] = batch.records
  if (control === undefined) return undefined
  const all: Record<string, string> = {}
  for (const [name, value] of control.headers) if (name !== null) all[name.toString()] = value?.toString() ?? ''
  const epoch = Number(all[names.epoch] ?? NaN)
  const offset = Number(batch.firstOffset)
  if (!Number.isSafeInteger(epoch)) return undefined
  if (all[names.version] === undefined) return { kind: 'marker', offset, epoch }
  if (all[names.version] !== version || Number(all[names.rows]) !== rows.length || control.value === null)
    return undefined
  const parts: Buffer[] = [uint32(control.value.length), control.value]
  for (const [at, { value }] of rows.entries()) {
    if (value === null) return undefined
    parts.push(value)
    if (at < rows.length - 1 || all[names.open] === undefined) parts.push(lineEndBytes)
  }
  const headers = Object.fromEntries(Object.entries(all).filter(([name]) => !ownNames.has(name)))
  return { kind: 'batch', offset, epoch, previous: Number(all[names.previous]), headers, value: Buffer.concat(parts) }
}

const lineEndBytes = Buffer.from([lineEnd])

function linesOf(text: Buffer): readonly Buffer[] {
  const lines: Buffer[] = []
  for (let from = 0; from < text.length;) {
    const end = text.indexOf(lineEnd, from)
    const to = end < 0 ? text.length : end
    lines.push(text.subarray(from, to))
    from = to + 1
  }
  return lines
}

function messageHeaders(headers: LogHeaders): Map<Buffer, Buffer> {
  return new Map(Object.entries(headers).map(([name, value]) => [Buffer.from(name), Buffer.from(value)]))
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32LE(value)
  return bytes
}
