/** Single events: the newest that match, and one by its id. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { timeFrom } from './intervals.ts'
import { filterConditions } from './property-filter.ts'
import type { PropertyFilter } from './property-filter.ts'
import { senseless } from './refused-question.ts'
import { textOrNull, time } from './schema-pieces.ts'
import { allOf, inPeriod, Statement } from './statement.ts'
import type { Asking } from './statement.ts'

const eventFields = {
  uuid: Type.String(),
  event: Type.String(),
  distinct_id: Type.String(),
  timestamp: time('When it happened.'),
  accepted_at: time('When the door accepted it.'),
  properties: Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object', additionalProperties: true }),
}

export const StoredEvent = Type.Object(eventFields, {
  title: 'StoredEvent',
  description: 'An event as the table has it.',
})
export type StoredEvent = Static<typeof StoredEvent>

export const LocatedEvent = Type.Object({
  ...eventFields,
  position: Type.Object(
    { incarnation: Type.Integer(), partition: Type.Integer(), offset: Type.Integer() },
    { description: 'Where it stands in the log.' },
  ),
})
export type LocatedEvent = Static<typeof LocatedEvent>

export interface EventsQuestion {
  readonly event?: string
  readonly distinct_id?: string
  /** At this time or later. */
  readonly after?: string
  /** Earlier than this. */
  readonly before?: string
  readonly filters?: readonly PropertyFilter[]
  /** `next_cursor` of the page before. */
  readonly cursor?: string
  readonly limit: number
}

export const EventsAnswer = Type.Object({
  events: Type.Array(StoredEvent, { description: 'Newest first.' }),
  next_cursor: textOrNull('Ask with it as `cursor` for the next page; null: there is none.'),
})
export type EventsAnswer = Static<typeof EventsAnswer>

export async function askEvents(asking: Asking, question: EventsQuestion): Promise<EventsAnswer> {
  const { limit } = question
  const keys = await newestKeys(asking, question, limit + 1)
  const last = keys[limit - 1]
  return {
    events: await eventsOf(asking, keys.slice(0, limit)),
    next_cursor: keys.length > limit && last !== undefined ? cursorFrom(last) : null,
  }
}

/** The newest events that match, as a sample to learn from. */
export async function newestEvents(
  asking: Asking,
  question: Omit<EventsQuestion, 'limit'>,
  count: number,
): Promise<readonly StoredEvent[]> {
  return eventsOf(asking, await newestKeys(asking, question, count))
}

interface EventKey {
  readonly micros: number
  readonly uuid: string
  readonly event: string
  readonly distinctId: string
}

const dayMs = 86_400_000
/** How far each look goes back. Most find enough in the newest day, and need not read the years before it. */
const spansMs = [dayMs, 8 * dayMs, 64 * dayMs, Infinity]

async function newestKeys(asking: Asking, question: Omit<EventsQuestion, 'limit'>, count: number): Promise<EventKey[]> {
  const bounds = boundsOf(question)
  const keys: EventKey[] = []
  let beforeMs = bounds.beforeMs
  for (const spanMs of spansMs) {
    const sinceMs = Math.max(bounds.nowMs - spanMs, bounds.afterMs)
    const statement = new Statement(await asking.columns())
    const conditions = [
      inPeriod(statement, Number.isFinite(sinceMs) ? sinceMs : undefined, beforeMs),
      ...eventConditions(statement, question),
    ]
    const rows = await asking.rows(
      statement,
      `SELECT toUnixTimestamp64Micro(timestamp), toString(uuid), event, distinct_id FROM events
      WHERE ${allOf(conditions)} ORDER BY timestamp DESC, events.uuid DESC LIMIT ${statement.bind(count - keys.length, 'UInt32')}`,
    )
    keys.push(...rows.map(keyFrom))
    if (keys.length >= count || sinceMs === bounds.afterMs) break
    beforeMs = sinceMs
  }
  return keys
}

interface Bounds {
  /** What the looks go back from. */
  readonly nowMs: number
  readonly afterMs: number
  readonly beforeMs: number | undefined
}

function boundsOf({ after, before, cursor }: Omit<EventsQuestion, 'limit'>): Bounds {
  // The millisecond of the cursor is not behind us yet.
  const cursorMs = cursor === undefined ? Infinity : Math.floor(cursorPosition(cursor).micros / 1000) + 1
  const beforeMs = Math.min(before === undefined ? Infinity : timeFrom(before, 'before'), cursorMs)
  return {
    nowMs: Math.min(Date.now(), beforeMs),
    afterMs: after === undefined ? -Infinity : timeFrom(after, 'after'),
    beforeMs: Number.isFinite(beforeMs) ? beforeMs : undefined,
  }
}

function eventConditions(statement: Statement, question: Omit<EventsQuestion, 'limit'>): readonly string[] {
  const { event, distinct_id: distinctId, cursor, filters } = question
  const conditions = [...filterConditions(statement, filters, 'filters')]
  if (event !== undefined) conditions.push(`event = ${statement.bind(event, 'String')}`)
  if (distinctId !== undefined) conditions.push(`distinct_id = ${statement.bind(distinctId, 'String')}`)
  if (cursor !== undefined) {
    const { micros, uuid } = cursorPosition(cursor)
    const at = `fromUnixTimestamp64Micro(${statement.bind(micros, 'Int64')}, 'UTC')`
    conditions.push(`timestamp < ${at} OR (timestamp = ${at} AND uuid < ${statement.bind(uuid, 'UUID')})`)
  }
  return conditions
}

function keyFrom([micros, uuid, event, distinctId]: readonly unknown[]): EventKey {
  return { micros: Number(micros), uuid: String(uuid), event: String(event), distinctId: String(distinctId) }
}

/** Reads whole events, in the order of the keys; one that went meanwhile is left out. */
async function eventsOf(asking: Asking, keys: readonly EventKey[]): Promise<StoredEvent[]> {
  const times = keys.map(({ micros }) => micros)
  const [newest, oldest] = [times[0], times.at(-1)]
  if (newest === undefined || oldest === undefined) return []
  const statement = new Statement(await asking.columns())
  const anyOf = (values: readonly string[], type: string) =>
    `IN ${statement.bind([...new Set(values)], `Array(${type})`)}`
  const conditions = [
    inPeriod(statement, Math.floor(oldest / 1000), Math.floor(newest / 1000) + 1),
    `event ${anyOf(
      keys.map(({ event }) => event),
      'String',
    )}`,
    `distinct_id ${anyOf(
      keys.map(({ distinctId }) => distinctId),
      'String',
    )}`,
    `uuid ${anyOf(
      keys.map(({ uuid }) => uuid),
      'UUID',
    )}`,
  ]
  const rows = await asking.rows(
    statement,
    `SELECT toUnixTimestamp64Micro(timestamp), toString(uuid), event, distinct_id, toUnixTimestamp64Milli(accepted_at), properties
    FROM events WHERE ${allOf(conditions)}`,
  )
  const found = new Map(rows.map((row) => [nameOf(keyFrom(row)), storedEventFrom(row)]))
  return keys.flatMap((key) => found.get(nameOf(key)) ?? [])
}

function nameOf({ micros, uuid, event, distinctId }: EventKey): string {
  return JSON.stringify([micros, uuid, event, distinctId])
}

function storedEventFrom([micros, uuid, event, distinctId, acceptedMs, properties]: readonly unknown[]): StoredEvent {
  return {
    uuid: String(uuid),
    event: String(event),
    distinct_id: String(distinctId),
    timestamp: new Date(Math.floor(Number(micros) / 1000)).toISOString(),
    accepted_at: new Date(Number(acceptedMs)).toISOString(),
    // Ingestion wrote it as the JSON of an object.
    properties: JSON.parse(String(properties)) as Record<string, unknown>,
  }
}

function cursorFrom({ micros, uuid }: EventKey): string {
  return Buffer.from(`${String(micros)} ${uuid}`).toString('base64url')
}

function cursorPosition(cursor: string): { readonly micros: number; readonly uuid: string } {
  const text = Buffer.from(cursor, 'base64url').toString()
  const [, micros, uuid] = /^(-?\d{1,16}) ([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/.exec(text) ?? []
  if (micros === undefined || uuid === undefined) {
    throw senseless('cursor', 'This is no cursor. Give `next_cursor` of the page before.')
  }
  return { micros: Number(micros), uuid }
}

/** The event with this id, the one accepted last where there are several; undefined when the table has none. */
export async function askEvent(asking: Asking, projectId: number, uuid: string): Promise<LocatedEvent | undefined> {
  const statement = new Statement(await asking.columns())
  // The view does not show positions. Versions need not be resolved for one id: the largest is the one that counts.
  const [row] = await asking.rows(
    statement,
    `SELECT toUnixTimestamp64Micro(timestamp), toString(uuid), event, distinct_id, toUnixTimestamp64Milli(accepted_at), properties,
      _incarnation, _partition, _offset, expires_at > now()
    FROM ${asking.tableName('events')} AS events
    WHERE team_id = ${statement.bind(projectId, 'Int64')} AND events.uuid = ${statement.bind(uuid, 'UUID')}
    ORDER BY accepted_at DESC, version DESC LIMIT 1`,
  )
  if (row === undefined || !row[9]) return undefined
  return {
    ...storedEventFrom(row),
    position: { incarnation: Number(row[6]), partition: Number(row[7]), offset: Number(row[8]) },
  }
}
