/** What the core answers, over the bundled Postgres; questions are answered by what the test hands in. */
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { Failure } from '../../kit/failure.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { until } from '../../kit/until.fixtures.ts'
import { createLiveFeed } from '../../stages/live/live-feed.ts'
import type { AskSql } from '../../stages/query/ask-sql.ts'
import { openTestPostgres } from '../../stores/state/embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from '../../stores/state/embedded-postgres/postgres.fixtures.ts'
import { ensureFirstProject } from '../../stores/state/first-project.ts'
import { configFrom } from '../config.ts'
import { createCoreHttp } from './core-http.ts'
import { questionComplaint } from './question-complaint.ts'

/** Nothing is built there. */
const consoleFolder = import.meta.dirname
const dayMs = 86_400_000
const bounds = {
  changesPerMinuteMax: 1000,
  loginsPerMinuteMax: 1000,
  strangersPerMinuteMax: 1000,
  projectsMax: 10,
  tokensMax: 10,
  keysMax: 10,
  insightsMax: 10,
  limitsMax: 10,
  restrictionsMax: 10,
  signingSecretsMax: 10,
  auditRetentionDays: 730,
}
const personalKey = 'phx_test_key_of_the_core'
const completeThroughMs = Date.UTC(2026, 2, 10, 12)
const configured = configFrom({ environment: {}, file: undefined, workingFolder: '/' })
let postgres: TestPostgres
let askSql: AskSql
let http: FastifyInstance
let projectId: number

before(async () => {
  assert.equal(configured.kind, 'config')
  postgres = await openTestPostgres()
  await ensureFirstProject(postgres.sql, { canaryToken: 'phc_canary', projectToken: 'phc_first', personalKey })
  http = await createCoreHttp({
    sql: postgres.sql,
    sessions: { ageMsMax: 30 * dayMs, idleMsMax: 7 * dayMs, perUserMax: 20 },
    bounds,
    limits: [],
    limitUses: () => Promise.resolve([]),
    passwordChosen: () => Promise.resolve(),
    complaintAbout: questionComplaint,
    consoleFolder,
    questions: {
      askSql: (...question) => askSql(...question),
      describeTables: () => Promise.resolve({ tables: [], functions: [] }),
      questionsOf: () => assert.fail('asked in another test'),
      completeness: {
        freshness: () => Promise.resolve({ completeThroughMs, waitingEvents: 3, oldestWaitingMs: 10 }),
        parkedEvents: () => Promise.resolve(2),
      },
    },
    recordings: {
      recordingsOf: () => assert.fail('asked in another test'),
      completeness: { freshness: () => assert.fail('asked in another test'), parkedEvents: () => Promise.resolve(0) },
    },
    internal: {
      status: () => Promise.resolve({}),
      health: () => Promise.resolve({ healthy: true }),
      resetLogin: () => Promise.reject(new Error('nobody')),
      positionsOf: () => Promise.resolve([]),
      async *present() {
        yield await Promise.resolve([{ incarnation: 1, offset: 5, index: 0, uuid: 'u' }])
        yield await Promise.resolve([{ incarnation: 1, offset: 6, index: 0, uuid: 'v' }])
      },
      metrics: () => Promise.reject(new Error('a secret of the inside')),
    },
    journey: {
      explainEvent: () => assert.fail('asked in another test'),
      listDeadLetters: () => assert.fail('asked in another test'),
    },
    pipeline: { pipelineNow: () => assert.fail('asked in another test') },
    live: { live: createLiveFeed(configured.config.live, { telemetry: silent }), pingIntervalMs: 1000 },
    telemetry: silent,
  })
  const { body } = await get('/api/projects')
  const [project] = (body as { projects: { id: number }[] }).projects
  assert.ok(project !== undefined)
  projectId = project.id
})

after(async () => {
  await http.close()
  await postgres.close()
})

const bearer = { authorization: `Bearer ${personalKey}` }

async function get(url: string, headers: Record<string, string> = bearer) {
  const response = await http.inject({ method: 'GET', url, headers })
  return { status: response.statusCode, type: response.headers['content-type'], body: response.json<unknown>() }
}

async function ask(payload: unknown, own: { id?: string; headers?: Record<string, string> } = {}) {
  const url = `/api/projects/${own.id ?? String(projectId)}/sql`
  const headers = { 'content-type': 'application/json', ...(own.headers ?? bearer) }
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const response = await http.inject({ method: 'POST', url, headers, payload: body })
  return { status: response.statusCode, headers: response.headers, body: response.json<Record<string, unknown>>() }
}

describe('the projects', () => {
  it('are those of the key, with the tokens that write to them', async () => {
    const { status, body } = await get('/api/projects')
    assert.equal(status, 200)
    const { projects } = body as { projects: { id: number; tokens: string[] }[] }
    assert.deepEqual(
      projects.map(({ tokens }) => tokens),
      [['phc_first']],
    )
  })
})

describe('a question', () => {
  it('is answered with columns, rows and how complete they are', async () => {
    const asked: unknown[] = []
    askSql = (id, query, parameters) => {
      asked.push([id, query, parameters])
      return Promise.resolve({ columns: [{ name: 'n', type: 'UInt64' }], rows: [['7']], elapsedMs: 4, rowsRead: 9 })
    }
    const { status, body } = await ask({ query: 'SELECT {x:String}', parameters: { x: 'y' } })
    assert.equal(status, 200)
    assert.deepEqual(body, {
      columns: [{ name: 'n', type: 'UInt64' }],
      rows: [['7']],
      complete_through: '2026-03-10T12:00:00.000Z',
      waiting_events: 3,
      parked_events: 2,
      elapsed_ms: 4,
      rows_read: 9,
    })
    assert.deepEqual(asked, [[projectId, 'SELECT {x:String}', { x: 'y' }]])
  })

  it('gets problem details with a stable code for each refusal', async () => {
    for (const [code, retryable, wanted] of [
      ['SLUICE_QUERY_REFUSED', false, 400],
      ['SLUICE_QUERY_TIMEOUT', false, 422],
      ['SLUICE_QUERY_MEMORY', false, 422],
      ['SLUICE_QUERY_TOO_LARGE', false, 422],
      ['SLUICE_QUERY_BUSY', true, 503],
      ['SLUICE_QUERY_FAILED', false, 500],
    ] as const) {
      askSql = () => Promise.reject(new Failure(code, 'what is wrong', { retryable }))
      const { status, headers, body } = await ask({ query: 'SELECT 1' })
      assert.equal(status, wanted, code)
      assert.match(String(headers['content-type']), /^application\/problem\+json/)
      const { title, ...told } = body
      assert.equal(typeof title, 'string')
      assert.deepEqual(told, { type: 'about:blank', status: wanted, detail: 'what is wrong', code })
      assert.equal(headers['retry-after'], wanted === 503 ? '2' : undefined)
    }
  })

  it('is refused when it is not JSON of the right shape', async () => {
    for (const payload of [
      '{',
      '[]',
      '{}',
      '{"query":1}',
      'null',
      '{"query":"","parameters":[]}',
      '{"query":"","parameters":null}',
    ]) {
      const { status, body } = await ask(payload)
      assert.deepEqual([status, body['code']], [400, 'SLUICE_REQUEST_REFUSED'], payload)
    }
    assert.equal((await ask({ query: 'x'.repeat(2 ** 20) })).status, 413)
    assert.equal((await ask('x', { headers: { ...bearer, 'content-type': 'text/csv' } })).status, 415)
  })

  it('is cancelled when who asked goes away', async () => {
    let signal: AbortSignal | undefined
    askSql = (_id, _query, _parameters, own) => {
      signal = own
      return new Promise((_, reject) => {
        own.addEventListener('abort', () => reject(new Failure('SLUICE_QUERY_CANCELLED', 'cancelled')))
      })
    }
    await http.listen({ port: 0, host: '127.0.0.1' })
    const { port } = http.server.address() as AddressInfo
    const headers = { ...bearer, 'content-type': 'application/json' }
    const path = `/api/projects/${String(projectId)}/sql`
    const request = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', headers, agent: false })
    request.on('error', () => undefined)
    request.end('{"query":"SELECT 1"}')
    await until('it is asked', () => signal !== undefined)
    assert.equal(signal?.aborted, false)
    request.destroy()
    await until('it is cancelled', () => signal?.aborted === true)
  })
})

describe('who may ask', () => {
  it('is nobody without a personal key, and is told what to send', async () => {
    for (const [headers, text] of [
      [{}, /personal key/],
      [{ authorization: 'Basic eDp5' }, /personal key/],
      [{ authorization: 'Bearer phc_first' }, /project token, which may only write/],
      [{ authorization: 'Bearer phx_nobody' }, /Nobody has this personal key/],
    ] as const) {
      const { status, body } = await ask({ query: 'SELECT 1' }, { headers })
      assert.deepEqual([status, body['code']], [401, 'SLUICE_REQUEST_REFUSED'])
      assert.match(String(body['detail']), text)
      assert.equal((await get('/api/projects', headers)).status, 401)
    }
  })

  it('sees no project but those of his organisation, the canaries least of all', async () => {
    for (const id of ['0', String(projectId + 1), `0${String(projectId)}`, 'x', '1%20or%201=1']) {
      assert.equal((await ask({ query: 'SELECT 1' }, { id })).status, 404, id)
    }
  })
})

describe('the inside of the core', () => {
  it('gives rows a page a line, and refuses a range that is none', async () => {
    const range = '/internal/rows?partition=0&from=0&to=9&accepted_from_ms=0&accepted_to_ms=9'
    const { body } = await http.inject({ method: 'GET', url: range })
    assert.equal(body, '[[1,5,0,"u"]]\n[[1,6,0,"v"]]\n')
    const { status } = await get(range.replace('to=9', 'to=x'))
    assert.equal(status, 400)
  })

  it('says nothing of itself when something broke, and that there is nothing at other paths', async () => {
    const broken = await get('/internal/metrics')
    assert.equal(broken.status, 500)
    assert.doesNotMatch(JSON.stringify(broken.body), /secret/)
    const nothing = await get('/api/nothing')
    assert.deepEqual([nothing.status, (nothing.body as { code: string }).code], [404, 'SLUICE_NOT_FOUND'])
  })
})
