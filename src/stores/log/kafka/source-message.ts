/**
 * A record of a source lane as a message of its topic, and back (ADR 0021).
 *
 * Key, value and most headers are those that PostHog's capture writes (C10, capture spec §11.2 to §11.4), so that its consumers read
 * these topics, and ours read what it wrote. The record comes back exactly: its value from `data` of the envelope, its headers from
 * those of the message and from the envelope. What cannot come back so is in headers of ours:
 * - sluice-value: the value's bytes, when `data` is made of them and not they themselves.
 * - sluice-around: of a recording whose snapshots stand in `data` as they were sent: what is around them. Four u32 (LE): where they
 *   begin in `data` (UTF-8), how many bytes they have, how many bytes of the value come before them, and zero; then the bytes of the
 *   value before and after them.
 * - sluice-headers: JSON object of the record's headers that nothing else says; null for one that the record does not have.
 * - sluice-key: the header `duplicate_key` (32 hexadecimal digits) as 16 bytes.
 */
import { isUtf8 } from 'node:buffer'
import { enclosingMessage, itemsAt } from '../../../event/envelope.ts'
import type { EnclosingMessage } from '../../../event/envelope.ts'
import type { LogHeaders } from '../event-log.ts'
import type { SourceRecord } from '../source-lanes.ts'

export interface SourceMessage {
  readonly key: Buffer | undefined
  readonly value: Buffer
  readonly headers: Map<Buffer, Buffer | null>
}

/** What a consumer gets of a message, whoever wrote it. */
export interface ReadMessage {
  readonly value: Buffer | null | undefined
  /** In which a key given twice counts as given last. */
  readonly headers: Iterable<readonly [Buffer, Buffer | null]>
}

export type SourceContent = Pick<SourceRecord, 'headers' | 'value'>

const names = {
  value: 'sluice-value',
  around: 'sluice-around',
  headers: 'sluice-headers',
  key: 'sluice-key',
} as const

const nothing = Buffer.alloc(0)
const aroundHeadBytes = 16
const duplicateKeyDigits = /^[0-9a-f]{32}$/

/** Of the few names that headers of messages have. */
const nameBytes = new Map<string, Buffer>()

/** `nowMs`: when it is sent, for what PostHog wants to know of a dead letter. */
export function sourceMessage(record: SourceRecord, nowMs: number): SourceMessage {
  const { value } = record
  const wholeTimes = withWholeTimes(record.headers, nowMs)
  const message = enclosingMessage({ lane: record.lane, value, headers: wholeTimes, timeMs: nowMs })
  const headers = new Map<Buffer, Buffer | null>()
  // What is no event can be no message for others. It is kept for us, under a value that they pass over.
  if (message === undefined) {
    put(headers, names.value, value)
    put(headers, names.headers, Buffer.from(JSON.stringify(record.headers)))
    return { key: undefined, value: nothing, headers }
  }
  for (const name in message.headers) {
    const text = message.headers[name]
    put(headers, name, text === null || text === undefined ? null : Buffer.from(text))
  }
  putValue(headers, message, value)
  putRest(headers, record.headers)
  return {
    key: message.key === null ? undefined : Buffer.from(message.key),
    value: Buffer.from(message.value),
    headers,
  }
}

/**
 * The record that a message was made of. Undefined when it is none that we or PostHog's capture wrote; such a message is damaged, or
 * somebody else writes to the topic.
 */
export function sourceContent({ value, headers: read }: ReadMessage): SourceContent | undefined {
  const given = new Map<string, Buffer>()
  for (const [name, bytes] of read) {
    if (bytes === null) given.delete(name.toString())
    else given.set(name.toString(), bytes)
  }
  try {
    const rest = given.get(names.headers)
    const sent = given.get(names.value)
    if (value === null || value === undefined || value.length === 0) {
      if (sent === undefined || rest === undefined) return undefined
      return { headers: JSON.parse(rest.toString()) as LogHeaders, value: sent }
    }
    const envelope: unknown = JSON.parse(value.toString())
    if (typeof envelope !== 'object' || envelope === null) return undefined
    const said = envelope as Partial<Record<string, unknown>>
    if (typeof said['data'] !== 'string') return undefined
    const headers = headersOf(said, given)
    if (rest !== undefined) putBack(headers, JSON.parse(rest.toString()) as Record<string, string | null>)
    return { headers, value: sent ?? valueFrom(said['data'], given.get(names.around)) }
  } catch {
    return undefined
  }
}

/** Times that are no whole milliseconds cannot be written as PostHog does; they are said apart. */
function withWholeTimes(headers: LogHeaders, nowMs: number): LogHeaders {
  const isNowWhole = isWholeMs(headers['now'])
  const sentAt = headers['sent_at']
  if (isNowWhole && (sentAt === undefined || isWholeMs(sentAt))) return headers
  const { sent_at: _, ...others } = headers
  return {
    ...others,
    ...(isNowWhole ? {} : { now: String(nowMs) }),
    ...(isWholeMs(sentAt) && sentAt !== undefined ? { sent_at: sentAt } : {}),
  }
}

const dateMsMax = 8.64e15

function isWholeMs(text: string | undefined): boolean {
  const ms = Number(text)
  return Number.isSafeInteger(ms) && Math.abs(ms) <= dateMsMax && String(ms) === text
}

function putValue(headers: SourceMessage['headers'], message: EnclosingMessage, value: Buffer): void {
  if (message.sent === 'data' && isUtf8(value)) return
  if (message.sent === 'items' && isUtf8(value)) {
    const around = aroundOf(value, message.items)
    if (around !== undefined) {
      put(headers, names.around, around)
      return
    }
  }
  put(headers, names.value, value)
}

/** Undefined when the snapshots do not stand together in the value: those of several events, or with white space between them. */
function aroundOf(value: Buffer, items: Buffer): Buffer | undefined {
  const before = items.length === 0 ? -1 : value.indexOf(items)
  if (before < 0) return undefined
  const head = Buffer.alloc(aroundHeadBytes)
  head.writeUInt32LE(itemsAt, 0)
  head.writeUInt32LE(items.length, 4)
  head.writeUInt32LE(before, 8)
  return Buffer.concat([head, value.subarray(0, before), value.subarray(before + items.length)])
}

function valueFrom(data: string, around: Buffer | undefined): Buffer {
  const bytes = Buffer.from(data)
  if (around === undefined) return bytes
  const at = around.readUInt32LE(0)
  const items = bytes.subarray(at, at + around.readUInt32LE(4))
  const behindBefore = aroundHeadBytes + around.readUInt32LE(8)
  return Buffer.concat([around.subarray(aroundHeadBytes, behindBefore), items, around.subarray(behindBefore)])
}

/** What every record has, and every message says. */
const always = ['token', 'distinct_id', 'uuid', 'ip', 'now'] as const

function putRest(headers: SourceMessage['headers'], all: LogHeaders): void {
  let rest: Record<string, string | null> | undefined
  for (const name of always) if (all[name] === undefined) (rest ??= {})[name] = null
  for (const name in all) {
    const text = all[name] ?? ''
    if (isSaid(name, text)) continue
    if (name === 'duplicate_key' && duplicateKeyDigits.test(text)) put(headers, names.key, Buffer.from(text, 'hex'))
    else (rest ??= {})[name] = text
  }
  if (rest !== undefined) put(headers, names.headers, Buffer.from(JSON.stringify(rest)))
}

/** Whether `headersOf` finds this in the message. */
function isSaid(name: string, text: string): boolean {
  switch (name) {
    case 'token':
    case 'distinct_id':
    case 'uuid':
    case 'ip':
    case 'session_id':
    case 'force_disable_person_processing':
    case 'reason':
      return true
    case 'now':
    case 'sent_at':
      return isWholeMs(text)
    case 'historical_migration':
    case 'skip_heatmap_processing':
    case 'is_cookieless_mode':
      return text === 'true'
    default:
      return false
  }
}

/** What messages and records call the same. */
const renamed = [
  ['session_id', 'session_id'],
  ['force_disable_person_processing', 'force_disable_person_processing'],
  ['skip_heatmap_processing', 'skip_heatmap_processing'],
  ['dlq_reason', 'reason'],
] as const

function headersOf(
  envelope: Partial<Record<string, unknown>>,
  given: ReadonlyMap<string, Buffer>,
): Record<string, string> {
  const headers: Record<string, string> = {
    token: given.get('token')?.toString() ?? textOf(envelope['token']),
    distinct_id: given.get('distinct_id')?.toString() ?? textOf(envelope['distinct_id']),
    uuid: given.get('uuid')?.toString() ?? textOf(envelope['uuid']),
    ip: textOf(envelope['ip']),
    now: msOf(envelope['now']) ?? '',
  }
  const sentAt = msOf(envelope['sent_at'])
  if (sentAt !== undefined) headers['sent_at'] = sentAt
  if (envelope['is_cookieless_mode'] === true) headers['is_cookieless_mode'] = 'true'
  if (envelope['historical_migration'] === true) headers['historical_migration'] = 'true'
  for (const [theirs, ours] of renamed) {
    const bytes = given.get(theirs)
    if (bytes !== undefined) headers[ours] = bytes.toString()
  }
  const key = given.get(names.key)
  if (key !== undefined) headers['duplicate_key'] = key.toString('hex')
  return headers
}

function putBack(headers: Record<string, string>, rest: Readonly<Record<string, string | null>>): void {
  for (const [name, text] of Object.entries(rest)) {
    if (text === null) Reflect.deleteProperty(headers, name)
    else headers[name] = text
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** Unix milliseconds of an instant, as decimal text. Django's capture wrote an empty text for an unknown one. */
function msOf(instant: unknown): string | undefined {
  if (typeof instant !== 'string' || instant === '') return undefined
  const ms = Date.parse(instant)
  return Number.isNaN(ms) ? undefined : String(ms)
}

function put(headers: SourceMessage['headers'], name: string, bytes: Buffer | null): void {
  let key = nameBytes.get(name)
  if (key === undefined) {
    key = Buffer.from(name)
    nameBytes.set(name, key)
  }
  headers.set(key, bytes)
}
