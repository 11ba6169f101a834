/** Recorded sessions: which there are, and the snapshots of one in their order. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { timeFrom } from './intervals.ts'
import { senseless } from './refused-question.ts'
import { textOrNull, time } from './schema-pieces.ts'
import { allOf, Statement } from './statement.ts'
import type { Asking } from './statement.ts'

const RecordedSession = Type.Object(
  {
    id: Type.String({ description: 'The session id that the SDK made.' }),
    distinct_id: Type.String({ description: 'Who was recorded, as the first snapshots say.' }),
    started_at: time('Time of its first snapshots.'),
    ended_at: time('Time of its newest snapshots.'),
    snapshot_count: Type.Integer({ description: 'Snapshots in all.' }),
    bytes: Type.Integer({ description: 'Size of the snapshots as JSON.' }),
    snapshot_source: Type.String({ description: '`web` or `mobile`.' }),
    snapshot_library: Type.String({ description: 'The SDK that recorded.' }),
  },
  { title: 'RecordedSession', description: 'A session that was recorded.' },
)
type RecordedSession = Static<typeof RecordedSession>

export const RecordingsAnswer = Type.Object({
  recordings: Type.Array(RecordedSession, { description: 'The newest first, by their beginning.' }),
  next_cursor: textOrNull('Ask with it as `cursor` for the next page; null: there is none.'),
})
export type RecordingsAnswer = Static<typeof RecordingsAnswer>

const SnapshotBatch = Type.Object(
  {
    uuid: Type.String(),
    timestamp: time('When the first of its snapshots was taken.'),
    window_id: Type.String({ description: 'The tab of the session.' }),
    snapshots: Type.Array(Type.Unknown(), { description: 'As the SDK took them (rrweb), in their order.' }),
  },
  { title: 'SnapshotBatch', description: 'Snapshots that came in one request.' },
)
type SnapshotBatch = Static<typeof SnapshotBatch>

export const SnapshotsAnswer = Type.Object({
  batches: Type.Array(SnapshotBatch, { description: 'By time, then as the door took them.' }),
  next_cursor: textOrNull('Ask with it as `cursor` for the next page; null: there is none.'),
})
export type SnapshotsAnswer = Static<typeof SnapshotsAnswer>

export interface RecordingsQuestion {
  /** Of the beginning: at this time or later. */
  readonly after?: string
  /** Earlier than this. */
  readonly before?: string
  /** Any snapshot of the session is of this user. */
  readonly distinct_id?: string
  /** `next_cursor` of the page before. */
  readonly cursor?: string
  readonly limit: number
}

/** A session belongs to the period in which it began, whenever it ended: so each is in one period, with all its snapshots. */
export async function askRecordings(asking: Asking, question: RecordingsQuestion): Promise<RecordingsAnswer> {
  const { after, before, distinct_id: distinctId, cursor, limit } = question
  const statement = new Statement(await asking.columns())
  const instant = (ms: number) => `fromUnixTimestamp64Milli(${statement.bind(ms, 'Int64')}, 'UTC')`
  const conditions: string[] = []
  if (after !== undefined) conditions.push(`began >= ${instant(timeFrom(after, 'after'))}`)
  if (before !== undefined) conditions.push(`began < ${instant(timeFrom(before, 'before'))}`)
  if (distinctId !== undefined) conditions.push(`countIf(distinct_id = ${statement.bind(distinctId, 'String')}) > 0`)
  if (cursor !== undefined) {
    const [micros = '', session = ''] = cursorParts(cursor, /^(-?\d{1,16}) ([\w-]{1,100})$/)
    const at = `fromUnixTimestamp64Micro(${statement.bind(micros, 'Int64')}, 'UTC')`
    conditions.push(`began < ${at} OR (began = ${at} AND session_id < ${statement.bind(session, 'String')})`)
  }
  const rows = await asking.rows(
    statement,
    `SELECT session_id, argMin(distinct_id, (timestamp, distinct_id)), toUnixTimestamp64Micro(min(timestamp) AS began),
      toUnixTimestamp64Micro(max(timestamp)), sum(event_count), sum(size), argMin(snapshot_source, timestamp),
      argMin(snapshot_library, timestamp)
    FROM session_recording_events GROUP BY session_id HAVING ${allOf(conditions)}
    ORDER BY began DESC, session_id DESC LIMIT ${statement.bind(limit + 1, 'UInt32')}`,
  )
  const last = rows[limit - 1]
  return {
    recordings: rows.slice(0, limit).map(sessionFrom),
    next_cursor: rows.length > limit && last !== undefined ? cursorFrom([String(last[2]), String(last[0])]) : null,
  }
}

function sessionFrom(row: readonly unknown[]): RecordedSession {
  const [id, distinctId, firstMicros, lastMicros, count, bytes, source, library] = row
  return {
    id: String(id),
    distinct_id: String(distinctId),
    started_at: timeText(firstMicros),
    ended_at: timeText(lastMicros),
    snapshot_count: Number(count),
    bytes: Number(bytes),
    snapshot_source: String(source),
    snapshot_library: String(library),
  }
}

export interface SnapshotsQuestion {
  readonly session: string
  readonly cursor?: string | undefined
  /** A page ends before it would have more bytes of snapshots, but has at least those of one request. */
  readonly pageBytesMax: number
}

const pageBatchesMax = 1000

/** Undefined when there is no such session. `asking` must be allowed an answer as large as the largest request and a page. */
export async function askSnapshots(
  asking: Asking,
  projectId: number,
  { session, cursor, pageBytesMax }: SnapshotsQuestion,
): Promise<SnapshotsAnswer | undefined> {
  // The view does not show positions. Sizes come first, so that no more is read than fits.
  const statement = new Statement(await asking.columns())
  const conditions = [ownRows(statement, projectId, session)]
  if (cursor !== undefined) {
    const [micros = '', partition = '', offset = ''] = cursorParts(cursor, /^(-?\d{1,16}) (\d{1,5}) (\d{1,16})$/)
    const at = `fromUnixTimestamp64Micro(${statement.bind(micros, 'Int64')}, 'UTC')`
    const place = `(${statement.bind(partition, 'UInt16')}, ${statement.bind(offset, 'UInt64')})`
    conditions.push(`timestamp > ${at} OR (timestamp = ${at} AND (_partition, _offset) > ${place})`)
  }
  const keys = await asking.rows(
    statement,
    `SELECT toString(uuid), toUnixTimestamp64Micro(timestamp), window_id, size, _partition, _offset
    FROM ${asking.tableName('session_recording_events')} AS session_recording_events FINAL WHERE ${allOf(conditions)}
    ORDER BY timestamp, _partition, _offset LIMIT ${statement.bind(pageBatchesMax, 'UInt32')}`,
  )
  if (keys.length === 0 && cursor === undefined) return undefined
  const page = pageOf(keys, pageBytesMax)
  const texts = await textsOf(asking, projectId, session, page)
  const last = page.at(-1)
  const isWhole = page.length === keys.length && keys.length < pageBatchesMax
  return {
    batches: page.flatMap(([uuid, micros, windowId]): SnapshotBatch[] => {
      const text = texts.get(String(uuid))
      // Gone since its size was read.
      if (text === undefined) return []
      const snapshots = JSON.parse(text) as unknown[]
      return [{ uuid: String(uuid), timestamp: timeText(micros), window_id: String(windowId), snapshots }]
    }),
    next_cursor: isWhole || last === undefined ? null : cursorFrom([last[1], last[4], last[5]].map(String)),
  }
}

function pageOf(keys: readonly (readonly unknown[])[], bytesMax: number): readonly (readonly unknown[])[] {
  let bytes = 0
  const tooMany = keys.findIndex(([, , , size], at) => {
    bytes += Number(size)
    return at > 0 && bytes > bytesMax
  })
  return tooMany === -1 ? keys : keys.slice(0, tooMany)
}

async function textsOf(
  asking: Asking,
  projectId: number,
  session: string,
  page: readonly (readonly unknown[])[],
): Promise<ReadonlyMap<string, string>> {
  if (page.length === 0) return new Map()
  const statement = new Statement(await asking.columns())
  const uuids = statement.bind(
    page.map(([uuid]) => String(uuid)),
    'Array(UUID)',
  )
  const rows = await asking.rows(
    statement,
    `SELECT toString(uuid) AS id, snapshot_data FROM ${asking.tableName('session_recording_events')} AS session_recording_events FINAL
    WHERE ${ownRows(statement, projectId, session)} AND session_recording_events.uuid IN ${uuids}`,
  )
  return new Map(rows.map(([uuid, text]) => [String(uuid), String(text)]))
}

function ownRows(statement: Statement, projectId: number, session: string): string {
  return `team_id = ${statement.bind(projectId, 'Int64')} AND session_id = ${statement.bind(session, 'String')} AND expires_at > now()`
}

function timeText(micros: unknown): string {
  return new Date(Math.floor(Number(micros) / 1000)).toISOString()
}

function cursorFrom(parts: readonly string[]): string {
  return Buffer.from(parts.join(' ')).toString('base64url')
}

function cursorParts(cursor: string, shape: RegExp): string[] {
  const found = shape.exec(Buffer.from(cursor, 'base64url').toString())
  if (found === null) throw senseless('cursor', 'This is no cursor. Give `next_cursor` of the page before.')
  return found.slice(1)
}
