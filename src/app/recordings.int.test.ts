/** Recordings and heatmaps from the door to the answer, with the stores of the embedded profile, in one process. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { flows, isDerived } from '../event/flows.ts'
import type { FlowName } from '../event/flows.ts'
import { lanes } from '../event/position.ts'
import type { Lane } from '../event/position.ts'
import { Failure } from '../kit/failure.ts'
import { nodeFiles } from '../kit/node-files.ts'
import { silent } from '../kit/telemetry/telemetry.ts'
import { createAdmission } from '../stages/admission/admission.ts'
import { createCapture } from '../stages/capture/capture.ts'
import { createInflationThread } from '../stages/capture/decode/inflation-thread.ts'
import { createBodyReader } from '../stages/capture/decode/read-body.ts'
import { createDeriveHeatmap } from '../stages/ingestion/derive-heatmap.ts'
import { createDeriveRecording } from '../stages/ingestion/derive-recording.ts'
import { createIngestion } from '../stages/ingestion/ingestion.ts'
import { createRecordings } from '../stages/query/ask-recordings.ts'
import { createWarehousing } from '../stages/warehousing/warehousing.ts'
import type { Warehousing } from '../stages/warehousing/warehousing.ts'
import { noLimitedTokens } from '../stores/coordination/limited-tokens.ts'
import { openEmbeddedIntake } from '../stores/intake/embedded/embedded-intake.ts'
import { openJournalWriter } from '../stores/log/segments/journal-writer.ts'
import { openSegmentsLog } from '../stores/log/segments/segments-log.ts'
import { chdbEngineDefaults } from '../stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine } from '../stores/warehouse/chdb/chdb-engine.ts'
import { openChdbTable } from '../stores/warehouse/chdb/chdb-table.ts'
import { openChdbWarehouseReader } from '../stores/warehouse/chdb/chdb-warehouse-reader.ts'
import { openFileInsertProgress } from '../stores/warehouse/file-progress/file-insert-progress.ts'
import type { WarehouseTable } from '../stores/warehouse/warehouse.ts'
import { configFrom } from './config.ts'

const read = configFrom({ environment: {}, file: undefined, workingFolder: '/nowhere' })
const config = read.kind === 'config' ? read.config : assert.fail(read.problems.join('\n'))
const partitionCount = 4
const token = 'phc_recorded'
const projects = {
  projectOf: () =>
    Promise.resolve({
      id: 1,
      organizationId: undefined,
      name: 'Recorded',
      answers: 'sdk' as const,
      eventRetentionDays: undefined,
      createdAt: new Date(0),
    }),
}

let root: string
let closeDoor: () => Promise<void>
let send: (
  body: unknown,
  search?: string,
) => Promise<{ readonly status: number; readonly verdicts: string | null; readonly text: string }>

function openWriter(role: 'edge' | 'core') {
  const { segmentBytesMax, segmentEntriesMax, segmentAgeMsMax, queueBytesMax } = config.intake
  const bounds = { segmentBytesMax, segmentEntriesMax, segmentAgeMsMax, queueBytesMax, reserveBytes: 0 }
  return openJournalWriter({
    role,
    files: nodeFiles,
    folder: join(root, role),
    partitionCount,
    ...bounds,
    telemetry: silent,
  })
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-recordings-'))
  for (const folder of ['edge', 'core', 'duplicates', 'warehouse']) await mkdir(join(root, folder))
  const intake = await openEmbeddedIntake({
    files: nodeFiles,
    folder: join(root, 'edge'),
    indexFolder: join(root, 'duplicates'),
    writer: await openWriter('edge'),
    partitionCount,
    duplicateWindowMs: config.intake.duplicateWindowMs,
    limitKeysMax: 100,
    telemetry: silent,
  })
  const known = { kind: 'known', projectId: 1, answers: 'sdk' } as const
  const admit = createAdmission(config.admission, {
    intake,
    tokens: { lookup: () => known, confirm: () => Promise.resolve(known) },
    limitedTokens: noLimitedTokens,
    duplicateKeySecret: Buffer.alloc(32),
    canaryToken: 'phc_canary',
    telemetry: silent,
  })
  const capture = createCapture(config.capture, {
    admit,
    readBody: createBodyReader(config.capture),
    inflateLarge: createInflationThread({ waitMsMax: 60_000 }),
    durability: 'fsync',
    clientIp: () => '192.0.2.1',
    noteToken: () => undefined,
    telemetry: silent,
  })
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://door')
    capture.at(url.pathname)?.(request, response, url.pathname, url.search.slice(1))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const { port } = address
  send = async (body, path = '/s/') => {
    const sent = gzipSync(typeof body === 'string' ? body : JSON.stringify(body))
    const response = await fetch(`http://127.0.0.1:${String(port)}${path}`, { method: 'POST', body: sent })
    return { status: response.status, verdicts: response.headers.get('sluice-verdicts'), text: await response.text() }
  }
  closeDoor = async () => {
    server.closeAllConnections()
    server.close()
    await intake.close()
  }
})

after(async () => {
  await closeDoor()
  await rm(root, { recursive: true, force: true })
})

async function insertedTo(warehousing: Warehousing): Promise<readonly number[]> {
  return (await warehousing.progress()).map(({ sourceOffset }) => sourceOffset)
}

/** One life of the core. `wrap` gets between the writer and the table. */
async function openCore(wrap: (table: WarehouseTable) => WarehouseTable = (table) => table) {
  const writer = await openWriter('core')
  const folderOf = (lane: Lane) => join(root, isDerived(lane) ? 'core' : 'edge')
  const log = openSegmentsLog({
    files: nodeFiles,
    partitionCount,
    folders: Object.fromEntries(lanes.map((lane) => [lane, folderOf(lane)])) as Record<Lane, string>,
    writers: new Map([[join(root, 'core'), writer]]),
    pollMs: 20,
    telemetry: silent,
  })
  const engine = await openChdbEngine({ folder: join(root, 'warehouse'), ...chdbEngineDefaults })
  const tables = {
    recordings: await openChdbTable(engine, 'session_recording_events'),
    heatmaps: await openChdbTable(engine, 'heatmaps'),
  }
  const reader = openChdbWarehouseReader(engine)
  const stop = new AbortController()
  const { signal } = stop
  const running: Promise<void>[] = []
  const partitions = Array.from({ length: log.partitionCount }, (_, partition) => partition)

  const ingest = (name: 'recordings' | 'heatmaps') => {
    const derive = name === 'recordings' ? createDeriveRecording({ projects }) : createDeriveHeatmap({ projects })
    const flow = flows[name]
    const ingestion = createIngestion({ ...config.ingestion, lingerMs: 0 }, { flow, log, derive, telemetry: silent })
    running.push(ingestion.run(partitions, signal))
    return ingestion
  }
  const fill = async (name: 'recordings' | 'heatmaps') => {
    const warehousing = createWarehousing(
      { ...config.warehouse, lingerMs: 0, retryMsMax: 10 },
      {
        flow: flows[name],
        log,
        warehouse: wrap(tables[name]),
        progress: await openFileInsertProgress(nodeFiles, join(root, `inserting-${name}`), config.warehouse),
        telemetry: silent,
      },
    )
    running.push(warehousing.run(partitions, signal))
    return warehousing
  }
  /** Until what the door has is where `offsets` counts. */
  const reached = async (name: FlowName, offsets: () => Promise<readonly number[]>) => {
    const ends = (await log.bounds(flows[name].sources[0] ?? 'heatmaps_ingestion')).map(({ end }) => end)
    for (;;) {
      const at = await offsets()
      if (ends.every((end, partition) => (at[partition] ?? 0) >= end)) return
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 10)), ...running])
    }
  }
  return {
    ingest,
    fill,
    reached,
    async through(name: 'recordings' | 'heatmaps') {
      ingest(name)
      const warehousing = await fill(name)
      await reached(name, () => insertedTo(warehousing))
    },
    recordings: createRecordings({
      reader,
      ...config.query,
      recordingBytesMax: config.capture.recordingInflatedBytesMax,
    })(1, signal),
    async ask(sql: string) {
      const database = await reader.projectDatabase(1)
      const limits = { timeMs: 10_000, memoryBytes: 512 * 1024 ** 2, rowsMax: 1000, resultBytesMax: 1024 ** 2 }
      return (await reader.ask({ sql, database, limits, signal: new AbortController().signal })).rows
    },
    async close() {
      stop.abort()
      const ended = await Promise.allSettled(running)
      await reader.close()
      await tables.recordings.close()
      await tables.heatmaps.close()
      await engine.close()
      await log.close()
      await writer.close()
      return ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    },
  }
}

let uuids = 0

function aRequest(session: string, offset: number, snapshots: readonly unknown[]) {
  uuids++
  return [
    {
      event: '$snapshot',
      uuid: `0190c4a2-aaaa-7000-8000-${String(uuids).padStart(12, '0')}`,
      offset,
      properties: { token, distinct_id: 'ada', $session_id: session, $snapshot_data: snapshots },
    },
  ]
}

async function snapshotsOf(core: Awaited<ReturnType<typeof openCore>>, session: string) {
  const page = await core.recordings.snapshots(session, undefined)
  return page?.batches.flatMap(({ snapshots }) => snapshots)
}

const stored = { status: 200, verdicts: 'stored=1', text: '{"status":"Ok"}' }

describe('recordings, from the door to the answer', () => {
  it('are in order, two sessions by turns, and a request that is sent again is there once', async () => {
    const again = aRequest('one', 3000, [{ n: 2 }])
    assert.deepEqual(await send(aRequest('one', 4000, [{ n: 1 }])), stored)
    assert.deepEqual(await send(aRequest('two', 3500, [{ n: 11 }, { n: 12 }])), stored)
    assert.deepEqual(await send(again), stored)
    assert.deepEqual(await send(aRequest('two', 2500, [{ n: 13 }])), stored)
    assert.deepEqual(await send(aRequest('one', 2000, [{ n: 3 }])), stored)
    assert.deepEqual(await send(again), { ...stored, verdicts: 'stored=0, duplicate=1' })
    const beacon = await send(aRequest('one', 1000, [{ n: 4 }]), '/s/?beacon=1')
    assert.deepEqual([beacon.status, beacon.text], [204, ''])
    const core = await openCore()
    await core.through('recordings')
    assert.deepEqual(await snapshotsOf(core, 'one'), [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }])
    assert.deepEqual(await snapshotsOf(core, 'two'), [{ n: 11 }, { n: 12 }, { n: 13 }])
    const { recordings } = await core.recordings.recordings({ limit: 10 })
    assert.deepEqual(
      recordings.map(({ id, snapshot_count }) => [id, snapshot_count]),
      [
        ['two', 3],
        ['one', 4],
      ],
    )
    assert.deepEqual(await core.close(), [])
  })

  it('are whole at 5 MB', async () => {
    const text = 'some "quoted" text, ä€😀 '.repeat(40)
    const snapshots = Array.from({ length: 5000 }, (_, n) => ({ type: 3, timestamp: n, data: { text } }))
    assert.deepEqual(await send(aRequest('large', 0, snapshots)), stored)
    const core = await openCore()
    await core.through('recordings')
    assert.deepEqual(await snapshotsOf(core, 'large'), snapshots)
    assert.deepEqual(await core.close(), [])
  })

  it('are there once when the core ends between decision and insert, and between insert and the note of it', async () => {
    for (let n = 0; n < 20; n++) await send(aRequest(`crashed-${String(n % 3)}`, 20_000 - n, [{ n }]))
    const first = await openCore()
    const ingestion = first.ingest('recordings')
    await first.reached('recordings', async () => (await ingestion.states()).map(({ decidedTo }) => decidedTo))
    assert.deepEqual(await first.close(), [])

    const broken = new Failure('SLUICE_TEST_CRASH', 'The process ended.')
    const second = await openCore((table) => ({
      ...readingOf(table),
      async insert(block) {
        await table.insert(block)
        throw broken
      },
    }))
    const warehousing = await second.fill('recordings')
    await assert.rejects(second.reached('recordings', () => insertedTo(warehousing)))
    assert.deepEqual(await second.close(), [broken])

    const third = await openCore()
    await third.through('recordings')
    const all = await Promise.all([0, 1, 2].map((n) => snapshotsOf(third, `crashed-${String(n)}`)))
    assert.deepEqual(
      all,
      [0, 1, 2].map((rest) => Array.from({ length: 20 }, (_, n) => ({ n })).filter(({ n }) => n % 3 === rest)),
    )
    assert.deepEqual(await third.ask("SELECT count() FROM session_recording_events WHERE session_id LIKE 'crashed%'"), [
      ['20'],
    ])
    assert.deepEqual(await third.close(), [])
  })

  it('are refused with the texts that SDKs know', async () => {
    const [event] = aRequest('one', 0, [])
    const refusal = async (properties: unknown) => {
      const { status, text } = await send([{ ...event, properties }])
      return `${String(status)} ${text}`
    }
    assert.equal(await refusal({ token, distinct_id: 'a' }), '400 replay event submitted without session id')
    assert.equal(
      await refusal({ token, distinct_id: 'a', $session_id: 'a b' }),
      '400 replay event has invalid session id',
    )
    assert.equal(
      await refusal({ token, distinct_id: 'a', $session_id: 'a' }),
      '400 replay event submitted without snapshot data',
    )
    assert.equal(await refusal({ distinct_id: 'a' }), '401 event submitted without an api_key')
  })
})

describe('heatmaps, from the door to the table', () => {
  it('are split off from the event that brings them, with the listed properties alone', async () => {
    const heatmap = { 'https://example.com/': [{ x: 1, y: 2, target_fixed: false, type: 'click' }] }
    const properties = {
      distinct_id: 'ada',
      email: 'ada@example.com',
      $session_id: 'seen',
      $current_url: 'https://example.com/',
      $viewport_width: 1280,
      $viewport_height: 720,
      $heatmap_data: heatmap,
    }
    const batch = [
      { event: '$pageleave', properties },
      { event: '$$heatmap', properties: { ...properties, $session_id: 'own' } },
      { event: 'signed up', properties: { distinct_id: 'ada' } },
    ]
    assert.equal((await send({ api_key: token, batch }, '/batch/')).status, 200)
    const core = await openCore()
    await core.through('heatmaps')
    const rows = await core.ask(
      'SELECT session_id, current_url, viewport_width, viewport_height, properties FROM heatmaps ORDER BY session_id',
    )
    const { distinct_id: _who, email: _email, ...listed } = properties
    assert.deepEqual(
      rows.map(([session, url, width, height, text]) => [
        session,
        url,
        width,
        height,
        JSON.parse(String(text)) as unknown,
      ]),
      [
        ['own', 'https://example.com/', 1280, 720, { ...listed, $session_id: 'own' }],
        ['seen', 'https://example.com/', 1280, 720, listed],
      ],
    )
    assert.deepEqual(await core.close(), [])
  })
})

/** All that a table promises but `insert`, which is the caller's. */
function readingOf(table: WarehouseTable): Omit<WarehouseTable, 'insert'> {
  return {
    present: (range) => table.present(range),
    ledger: (range) => table.ledger(range),
    size: () => table.size(),
    close: () => table.close(),
  }
}
