/** Questions over HTTP, from the request to the engine and back. What the answers mean is tested with the questions themselves. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import cookie from '@fastify/cookie'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { until } from '../../../kit/until.fixtures.ts'
import { createQuestions } from '../../../stages/query/ask-questions.ts'
import { createAskSql } from '../../../stages/query/ask-sql.ts'
import { describeTables } from '../../../stages/query/describe-tables.ts'
import { openTestPostgres } from '../../../stores/state/embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from '../../../stores/state/embedded-postgres/postgres.fixtures.ts'
import { ensureFirstProject } from '../../../stores/state/first-project.ts'
import { chdbEngineDefaults } from '../../../stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine } from '../../../stores/warehouse/chdb/chdb-engine.ts'
import type { ChdbEngine } from '../../../stores/warehouse/chdb/chdb-engine.ts'
import { openChdbWarehouseReader } from '../../../stores/warehouse/chdb/chdb-warehouse-reader.ts'
import { openChdbWarehouse } from '../../../stores/warehouse/chdb/chdb-warehouse.ts'
import type { WarehouseReader } from '../../../stores/warehouse/warehouse-reader.ts'
import { aBlock, acceptedMs, aRow } from '../../../stores/warehouse/warehouse.fixtures.ts'
import type { Warehouse } from '../../../stores/warehouse/warehouse.ts'
import { guardRoutes } from '../access.ts'
import { createAnswerProblem } from '../problem.ts'
import { createRequestRates } from '../request-rates.ts'
import { compileValidator } from '../validate.ts'
import { eventsRoutes } from './events.ts'
import { questionRoutes } from './questions.ts'
import { sqlRoutes } from './sql.ts'

const personalKey = 'phx_test_key_of_questions'
const dayMs = 86_400_000
const complete = { complete_through: '2026-03-10T12:00:00.000Z', waiting_events: 3, parked_events: 2 }
const period = { from: '2026-03-10T00:00:00.000Z', to: '2026-03-11T00:00:00.000Z' }
const uuidOf = (offset: number) => aRow({ _offset: offset }).uuid

let folder: string
let postgres: TestPostgres
let engine: ChdbEngine
let warehouse: Warehouse
let reader: WarehouseReader
let http: FastifyInstance
let base: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-question-routes-'))
  postgres = await openTestPostgres()
  const first = await ensureFirstProject(postgres.sql, {
    canaryToken: 'phc_canary',
    projectToken: 'phc_first',
    personalKey,
  })
  base = `/api/projects/${String(first.projectId)}`
  engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
  warehouse = await openChdbWarehouse(engine)
  reader = openChdbWarehouseReader(engine)
  const names = ['opened', 'opened', 'paid']
  const rows = names.map((event, at) =>
    aRow({
      team_id: first.projectId,
      event,
      distinct_id: at === 1 ? 'grace' : 'ada',
      timestamp: (acceptedMs + at * 1000) * 1000,
      properties: JSON.stringify({ plan: at === 1 ? '' : 'team', $browser: 'Firefox', price: at * 10 }),
      _offset: at,
    }),
  )
  const theirs = aRow({ team_id: first.projectId + 1, event: 'theirs', properties: '{"plan":"theirs"}', _offset: 9 })
  await warehouse.insert(aBlock('mine', rows))
  await warehouse.insert(aBlock('theirs', [theirs]))
  http = await openHttp()
})

after(async () => {
  await http.close()
  await reader.close()
  await warehouse.close()
  await engine.close()
  await postgres.close()
  await rm(folder, { recursive: true, force: true })
})

async function openHttp(): Promise<FastifyInstance> {
  const limits = { reader, timeMsMax: 20_000, memoryBytesMax: 512 * 1024 ** 2, rowsMax: 1000 }
  const deps = {
    questionsOf: createQuestions(limits),
    askSql: createAskSql({ ...limits, rowsMax: 2 }),
    describeTables: (projectId: number, gone: AbortSignal) => describeTables(reader, projectId, gone),
    completeness: {
      freshness: () => Promise.resolve({ completeThroughMs: acceptedMs, waitingEvents: 3, oldestWaitingMs: 10 }),
      parkedEvents: () => Promise.resolve(2),
    },
  }
  const app = fastify({ forceCloseConnections: true }).withTypeProvider<TypeBoxTypeProvider>()
  app.setValidatorCompiler(compileValidator)
  app.setErrorHandler(createAnswerProblem(silent))
  await app.register(cookie)
  const perMinuteMax = 1000
  const rates = await createRequestRates(app, {
    changesPerMinuteMax: perMinuteMax,
    loginsPerMinuteMax: perMinuteMax,
    strangersPerMinuteMax: perMinuteMax,
  })
  guardRoutes(app, {
    sql: postgres.sql,
    sessions: { ageMsMax: dayMs, idleMsMax: dayMs, perUserMax: 1 },
    rates,
  })
  eventsRoutes(app, deps)
  questionRoutes(app, deps)
  sqlRoutes(app, deps)
  await app.ready()
  return app
}

const headers = { authorization: `Bearer ${personalKey}` }

async function get(path: string) {
  const response = await http.inject({ method: 'GET', url: base + path, headers })
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() }
}

async function post(path: string, payload: object) {
  const response = await http.inject({ method: 'POST', url: base + path, headers, payload })
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() }
}

describe('a question over HTTP', () => {
  it('of a trend is answered by interval and breakdown, with how complete it is', async () => {
    const { status, body } = await post('/trend', {
      series: [{ math: 'total', name: 'All' }],
      ...period,
      interval: 'day',
      breakdowns: [{ kind: 'event' }, { kind: 'property', property: 'plan' }],
      breakdown_limit: 2,
    })
    assert.equal(status, 200, JSON.stringify(body))
    const shared = { series: 0, name: 'All', period: 'current', values: [1], total: 1 }
    assert.deepEqual(body, {
      intervals: [period.from],
      series: [
        { ...shared, breakdown: ['opened', null], is_other: false },
        { ...shared, breakdown: ['opened', 'team'], is_other: false },
        { ...shared, breakdown: [], is_other: true },
      ],
      ...complete,
    })
  })

  it('of a funnel is answered by step', async () => {
    const { status, body } = await post('/funnel', {
      steps: [
        { event: 'opened' },
        { event: 'paid', name: 'bought', filters: [{ property: 'price', operator: 'gt', value: 5 }] },
      ],
      ...period,
    })
    assert.equal(status, 200, JSON.stringify(body))
    const steps = [
      { event: 'opened', name: 'opened', users: 2, from_start: 1, from_previous: 1 },
      { event: 'paid', name: 'bought', users: 1, from_start: 0.5, from_previous: 0.5 },
    ]
    assert.deepEqual(body, { breakdowns: [{ value: null, is_other: false, steps }], ...complete })
  })

  it('of retention is answered by cohort', async () => {
    const { status, body } = await post('/retention', {
      start: { event: 'opened' },
      return: { event: 'paid' },
      ...period,
      interval: 'day',
      periods: 3,
    })
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(body, { cohorts: [{ start: period.from, users: 2, returned: [1] }], ...complete })
  })

  it('in SQL says what it cost', async () => {
    const { status, body } = await post('/sql', { query: 'SELECT count() AS n FROM events' })
    assert.equal(status, 200)
    const { elapsed_ms: elapsedMs, rows_read: rowsRead, ...rest } = body
    assert.deepEqual(rest, { columns: [{ name: 'n', type: 'UInt64' }], rows: [['3']], ...complete })
    assert.ok(Number(elapsedMs) > 0 && Number(rowsRead) >= 3)
  })

  it('is refused with the field that is wrong', async () => {
    const trend = { series: [{ math: 'total' }], ...period, interval: 'day' }
    const step = { event: 'opened' }
    for (const [path, payload, field] of [
      ['/trend', { ...trend, colour: 'red' }, /colour|body/],
      ['/trend', { ...trend, from: 'yesterday' }, /from/],
      ['/trend', { ...trend, interval: 'decade' }, /interval/],
      ['/trend', { ...trend, series: [] }, /series/],
      ['/trend', { ...trend, series: [{ math: 'sum' }] }, /^series\.0\.property$/],
      ['/trend', { ...trend, to: trend.from }, /^to$/],
      ['/trend', { ...trend, from: '1969-12-31T00:00:00Z' }, /^from$/],
      ['/trend', { ...trend, timezone: 'Mars/Olympus' }, /^timezone$/],
      ['/trend', { ...trend, filters: [{ property: 'p', operator: 'gt', value: 'x' }] }, /^filters\.0\.value$/],
      ['/trend', { ...trend, filters: [{ property: 'p', operator: 'exact' }] }, /^filters\.0\.value$/],
      ['/trend', { ...trend, filters: [{ property: 'p', operator: 'regex', value: ['x'] }] }, /^filters\.0\.value$/],
      ['/funnel', { steps: [step], ...period }, /steps/],
      ['/funnel', { steps: [step, step], ...period, window_seconds: 0 }, /window_seconds/],
      ['/funnel', { steps: [step, step], ...period, breakdown: { kind: 'event' } }, /breakdown/],
      ['/retention', { start: {}, return: {}, ...period, interval: 'hour', periods: 3 }, /interval/],
      ['/retention', { start: {}, return: {}, ...period, interval: 'day', periods: 32 }, /periods/],
    ] as const) {
      const { status, body } = await post(path, payload)
      assert.equal(status, 400, JSON.stringify(payload))
      const [error] = body['errors'] as { field: string }[]
      assert.match(String(error?.field), field, JSON.stringify(body))
    }
    const regex = await post('/trend', { ...trend, filters: [{ property: 'p', operator: 'regex', value: '(' }] })
    assert.deepEqual([regex.status, regex.body['code']], [400, 'SLUICE_QUERY_REFUSED'])
  })

  it('is refused when it asks for too much', async () => {
    const many = { from: '2026-01-01T00:00:00Z', to: '2026-03-01T00:00:00Z' }
    for (const [path, payload] of [
      ['/trend', { series: [{ math: 'total' }], ...many, interval: 'minute' }],
      // More rows than the limit of this test.
      ['/sql', { query: 'SELECT uuid FROM events' }],
      ['/retention', { start: {}, return: {}, ...many, from: '2020-01-01T00:00:00Z', interval: 'day', periods: 3 }],
    ] as const) {
      const { status, body } = await post(path, payload)
      assert.deepEqual([status, body['code']], [422, 'SLUICE_QUERY_TOO_LARGE'], JSON.stringify(body))
    }
  })

  it('stops the engine when who asked goes away', async () => {
    await http.listen({ port: 0, host: '127.0.0.1' })
    const { port } = http.server.address() as AddressInfo
    const computing = async () => {
      const control = engine.connect()
      const result = await control.client.query({
        query:
          "SELECT count() AS n FROM system.processes WHERE query LIKE '%cityHash64%' AND query NOT LIKE '%processes%'",
        format: 'JSONEachRow',
      })
      const [row] = await result.json<{ n: string }>()
      await control.close()
      return Number(row?.n)
    }
    const query = `SELECT count() FROM events AS a, ${Array.from({ length: 18 }, (_, at) => `events AS b${String(at)}`).join()} WHERE cityHash64(a.uuid, b17.uuid) = 1`
    const request = httpRequest({
      host: '127.0.0.1',
      port,
      path: `${base}/sql`,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      agent: false,
    })
    request.on('error', () => undefined)
    request.end(JSON.stringify({ query }))
    await until('the engine computes', async () => (await computing()) === 1)
    request.destroy()
    await until('the engine stops', async () => (await computing()) === 0)
  })
})

describe('single events over HTTP', () => {
  it('come newest first, page after page, and match what is asked for', async () => {
    const first = await get('/events?limit=2')
    assert.equal(first.status, 200, JSON.stringify(first.body))
    const events = first.body['events'] as Record<string, unknown>[]
    assert.deepEqual(
      events.map(({ uuid }) => uuid),
      [uuidOf(2), uuidOf(1)],
    )
    assert.deepEqual(events[1], {
      uuid: uuidOf(1),
      event: 'opened',
      distinct_id: 'grace',
      timestamp: '2026-03-10T12:00:01.000Z',
      accepted_at: '2026-03-10T12:00:00.000Z',
      properties: { plan: '', $browser: 'Firefox', price: 10 },
    })
    const second = await get(`/events?limit=2&cursor=${String(first.body['next_cursor'])}`)
    assert.equal(second.body['next_cursor'], null)
    const filters = encodeURIComponent(JSON.stringify([{ property: 'plan', operator: 'is_not_set' }]))
    const filtered = await get(`/events?event=opened&after=2026-03-10T12:00:00Z&filters=${filters}`)
    assert.deepEqual(
      [...(second.body['events'] as typeof events), ...(filtered.body['events'] as typeof events)].map(
        ({ uuid }) => uuid,
      ),
      [uuidOf(0), uuidOf(1)],
    )
  })

  it('are refused with the field that is wrong', async () => {
    for (const [query, field] of [
      ['limit=201', /limit/],
      ['limit=x', /limit/],
      ['after=yesterday', /after/],
      ['cursor=x', /^cursor$/],
      ['filters=x', /^filters$/],
      ['filters=[{"property":"p"}]', /^filters/],
      ['colour=red', /colour|querystring/],
    ] as const) {
      const { status, body } = await get(`/events?${query}`)
      assert.equal(status, 400, query)
      const [error] = body['errors'] as { field: string }[]
      assert.match(String(error?.field), field, JSON.stringify(body))
    }
    assert.equal((await get('/events/x')).status, 400)
  })

  it('are found by their id with their place in the log, those of others are not', async () => {
    const { status, body } = await get(`/events/${uuidOf(2)}`)
    assert.equal(status, 200)
    const event = body['event'] as Record<string, unknown>
    assert.deepEqual([event['event'], event['position']], ['paid', { incarnation: 1, partition: 0, offset: 2 }])
    const theirs = await get(`/events/${uuidOf(9)}`)
    assert.equal(theirs.status, 404)
    assert.match(String(theirs.body['detail']), /journey/)
  })
})

describe('what there is to ask about', () => {
  it('is told by name, column and value', async () => {
    // The names are of the last 30 days, and these events are older.
    assert.deepEqual((await get('/event-names?search=PAI')).body, { names: [] })
    const { properties } = (await get('/properties?event=paid')).body as { properties: object[] }
    assert.deepEqual(properties, [
      { name: '$browser', has_column: true },
      { name: 'plan', has_column: false },
      { name: 'price', has_column: false },
    ])
    const values = await get('/property-values?property=plan&event=paid')
    assert.equal(values.status, 200)
    assert.equal((await get('/property-values')).status, 400)
  })

  it('is described for whoever writes SQL', async () => {
    const { status, body } = await get('/schema')
    assert.equal(status, 200)
    const { tables, functions } = body as {
      tables: { name: string; columns: { name: string }[] }[]
      functions: string[]
    }
    assert.deepEqual(
      tables.map(({ name }) => name),
      ['events', 'session_recording_events', 'heatmaps'],
    )
    const names = tables[0]?.columns.map(({ name }) => name) ?? []
    for (const name of ['uuid', 'event', 'properties', 'timestamp', 'day', 'distinct_id'])
      assert.ok(names.includes(name))
    assert.ok(functions.includes('windowFunnel') && !functions.includes('sleep'))
  })
})
