import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { codeOf } from '../../kit/failure.ts'
import { chdbEngineDefaults } from '../../stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine } from '../../stores/warehouse/chdb/chdb-engine.ts'
import { openChdbTable } from '../../stores/warehouse/chdb/chdb-table.ts'
import { openChdbWarehouseReader } from '../../stores/warehouse/chdb/chdb-warehouse-reader.ts'
import { aBlock, acceptedMs, aHeatmapRow, aRecordingRow } from '../../stores/warehouse/warehouse.fixtures.ts'
import type { RecordingRow } from '../../stores/warehouse/warehouse-row.ts'
import { createAskSql } from './ask-sql.ts'
import { createRecordings } from './ask-recordings.ts'
import type { Recordings } from './ask-recordings.ts'
import { describeTables } from './describe-tables.ts'

const bounds = { timeMsMax: 20_000, memoryBytesMax: 512 * 1024 ** 2, rowsMax: 100_000 }
const signal = new AbortController().signal
const close: (() => Promise<void>)[] = []
let recordingsOf: (projectId: number, snapshotPageBytesMax?: number) => Recordings
let askSql: ReturnType<typeof createAskSql>
let tableNames: () => Promise<readonly string[]>

/** What one request brought, `second` seconds after the first of all. */
function batch(session: string, offset: number, second: number, own: Partial<RecordingRow> = {}): RecordingRow {
  return aRecordingRow({
    session_id: session,
    _offset: offset,
    timestamp: (acceptedMs + second * 1000) * 1000,
    snapshot_data: JSON.stringify([{ n: offset }, { n: offset + 0.5 }]),
    event_count: 2,
    size: 100,
    ...own,
  })
}

const large = JSON.stringify([{ text: 'quoted "text", ä€😀 '.repeat(200_000) }])
const rows = [
  // Two sessions, by turns; the second and third batch of the first one came in the other order.
  batch('first', 0, 0),
  batch('second', 1, 1, { distinct_id: 'grace', snapshot_source: 'mobile', snapshot_library: 'posthog-ios' }),
  batch('first', 2, 20),
  batch('second', 3, 5, { distinct_id: 'grace' }),
  batch('first', 4, 10),
  // At the same time as another: the door's order counts.
  batch('first', 5, 20, { window_id: 'other window', distinct_id: 'ada, logged in' }),
  batch('large', 6, 100, { snapshot_data: large, event_count: 1, size: Buffer.byteLength(large) }),
  batch('large', 7, 101),
  batch('gone', 8, 0, { expires_at: 1000 }),
  batch('first', 9, 0, { team_id: 2 }),
]

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-recordings-'))
  const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
  const recordings = await openChdbTable(engine, 'session_recording_events')
  const heatmaps = await openChdbTable(engine, 'heatmaps')
  const reader = openChdbWarehouseReader(engine)
  close.push(
    () => reader.close(),
    () => recordings.close(),
    () => heatmaps.close(),
    () => engine.close(),
    () => rm(folder, { recursive: true, force: true }),
  )
  await recordings.insert(aBlock('a', rows))
  // The same again, accepted later: another position and version, the same id.
  await recordings.insert(aBlock('b', [batch('first', 2, 20, { _offset: 20, uuid: rows[2]?.uuid ?? '', version: 2 })]))
  await heatmaps.insert(aBlock('c', [aHeatmapRow(), aHeatmapRow({ _offset: 1, team_id: 2 })]))
  recordingsOf = (projectId, snapshotPageBytesMax = 1024 ** 2) =>
    createRecordings({ reader, ...bounds, snapshotPageBytesMax, recordingBytesMax: 8 * 1024 ** 2 })(projectId, signal)
  askSql = createAskSql({ reader, ...bounds })
  tableNames = async () => (await describeTables(reader, 1, signal)).tables.map(({ name }) => name)
})

after(async () => {
  for (const one of close) await one()
})

/** All snapshots of a session, page by page. */
async function snapshotsOf(session: string, pageBytesMax?: number) {
  const pages: unknown[][] = []
  let cursor: string | undefined
  do {
    const page = await recordingsOf(1, pageBytesMax).snapshots(session, cursor)
    assert.ok(page !== undefined)
    pages.push(page.batches.flatMap(({ snapshots }) => snapshots))
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  return pages
}

describe('recordings', () => {
  it('are listed by their beginning, the newest first, each with all its snapshots once', async () => {
    const { recordings, next_cursor } = await recordingsOf(1).recordings({ limit: 10 })
    assert.equal(next_cursor, null)
    assert.deepEqual(
      recordings.map(({ id, snapshot_count }) => [id, snapshot_count]),
      [
        ['large', 3],
        ['second', 4],
        ['first', 8],
      ],
    )
    assert.deepEqual(recordings[1], {
      id: 'second',
      distinct_id: 'grace',
      started_at: '2026-03-10T12:00:01.000Z',
      ended_at: '2026-03-10T12:00:05.000Z',
      snapshot_count: 4,
      bytes: 200,
      snapshot_source: 'mobile',
      snapshot_library: 'posthog-ios',
    })
  })

  it('are listed page by page', async () => {
    const ids: string[] = []
    let cursor: string | undefined
    do {
      const page = await recordingsOf(1).recordings({ limit: 1, ...(cursor === undefined ? {} : { cursor }) })
      ids.push(...page.recordings.map(({ id }) => id))
      cursor = page.next_cursor ?? undefined
    } while (cursor !== undefined)
    assert.deepEqual(ids, ['large', 'second', 'first'])
  })

  it('are found by the time of their beginning and by anybody who is in them', async () => {
    const idsOf = async (question: { after?: string; before?: string; distinct_id?: string }) =>
      (await recordingsOf(1).recordings({ limit: 10, ...question })).recordings.map(({ id }) => id)
    assert.deepEqual(await idsOf({ after: '2026-03-10T12:00:01Z', before: '2026-03-10T12:01:40Z' }), ['second'])
    assert.deepEqual(await idsOf({ before: '2026-03-10T12:00:01Z' }), ['first'])
    assert.deepEqual(await idsOf({ distinct_id: 'ada, logged in' }), ['first'])
    assert.deepEqual(await idsOf({ distinct_id: 'nobody' }), [])
  })

  it('have their snapshots in the order of time, then of the door', async () => {
    const inOrder = [0, 0.5, 4, 4.5, 5, 5.5, 2, 2.5].map((n) => ({ n }))
    assert.deepEqual(await snapshotsOf('first'), [inOrder])
    // A page holds no more than fits, and at least one request's.
    const pages = await snapshotsOf('first', 250)
    assert.deepEqual(
      pages.map((page) => page.length),
      [4, 4],
    )
    assert.deepEqual(pages.flat(), inOrder)
    assert.equal((await snapshotsOf('first', 1)).length, 4)
  })

  it('have snapshots of any size', async () => {
    const pages = await snapshotsOf('large')
    assert.deepEqual(pages, [JSON.parse(large), [{ n: 7 }, { n: 7.5 }]])
  })

  it('are shown to their own project alone', async () => {
    assert.equal(await recordingsOf(1).snapshots('nobody’s', undefined), undefined)
    assert.equal(await recordingsOf(1).snapshots('gone', undefined), undefined)
    assert.equal(await recordingsOf(2).snapshots('second', undefined), undefined)
    const { recordings } = await recordingsOf(2).recordings({ limit: 10 })
    assert.deepEqual(
      recordings.map(({ id, snapshot_count }) => [id, snapshot_count]),
      [['first', 2]],
    )
  })

  it('refuse a cursor that is none', async () => {
    const isRefused = (error: unknown) => codeOf(error) === 'SLUICE_QUERY_REFUSED'
    await assert.rejects(recordingsOf(1).recordings({ limit: 1, cursor: 'x' }), isRefused)
    await assert.rejects(recordingsOf(1).snapshots('first', 'x'), isRefused)
  })

  it('can be asked for in SQL, as heatmaps can, each project its own', async () => {
    const ask = async (projectId: number, sql: string) => (await askSql(projectId, sql, {}, signal)).rows
    const sessions = 'SELECT session_id, sum(event_count) FROM session_recording_events GROUP BY session_id ORDER BY 1'
    assert.deepEqual(await ask(1, sessions), [
      ['first', '8'],
      ['large', '3'],
      ['second', '4'],
    ])
    assert.deepEqual(await ask(2, sessions), [['first', '2']])
    const heatmaps = "SELECT viewport_width, JSONHas(properties, '$heatmap_data'), day FROM heatmaps"
    assert.deepEqual(await ask(1, heatmaps), [[1280, 1, '2026-03-10']])
    assert.deepEqual(await ask(3, heatmaps), [])
    assert.deepEqual(await tableNames(), ['events', 'session_recording_events', 'heatmaps'])
  })
})
