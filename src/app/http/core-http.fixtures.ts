/** The core's HTTP over the bundled Postgres, with two organisations that know nothing of each other; questions are answered by the test. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { createLiveFeed } from '../../stages/live/live-feed.ts'
import type { LimitUse } from '../../stores/intake/intake.ts'
import { openTestPostgres } from '../../stores/state/embedded-postgres/postgres.fixtures.ts'
import { systemActor } from '../../stores/state/audit-log.ts'
import { ensureFirstProject } from '../../stores/state/first-project.ts'
import { createPersonalKey, scopes } from '../../stores/state/keys.ts'
import type { Scope } from '../../stores/state/keys.ts'
import { createProject, projectTokens } from '../../stores/state/projects.ts'
import type { SqlClient } from '../../stores/state/sql-client.ts'
import { ensureFirstUser } from '../../stores/state/users.ts'
import { configFrom } from '../config.ts'
import { createCoreHttp } from './core-http.ts'
import type { CoreHttpDeps } from './core-http.ts'
import { questionComplaint } from './question-complaint.ts'

export interface Party {
  readonly organizationId: string
  readonly projectId: number
  readonly token: string
  readonly bearer: { readonly authorization: string }
}

export interface TestCore {
  readonly http: FastifyInstance
  readonly sql: SqlClient
  readonly own: Party
  readonly other: Party
  readonly login: { readonly login: string; readonly password: string }
  readonly consoleFolder: string
  /** What the door says that it has counted. */
  readonly uses: { now: readonly LimitUse[] | undefined }
  /** Logins whose password was chosen. */
  readonly chosen: readonly string[]
  keyWith(scopes: readonly Scope[]): Promise<{ readonly authorization: string }>
  send(
    method: string,
    url: string,
    options?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown },
  ): Promise<{
    readonly status: number
    readonly headers: Readonly<Record<string, unknown>>
    readonly text: string
    readonly body: Readonly<Record<string, unknown>>
  }>
  close(): Promise<void>
}

export async function openTestCore(bounds: Partial<CoreHttpDeps['bounds']> = {}): Promise<TestCore> {
  const configured = configFrom({ environment: {}, file: undefined, workingFolder: '/' })
  assert.equal(configured.kind, 'config')
  const { config } = configured
  const postgres = await openTestPostgres()
  const { sql } = postgres
  const first = await ensureFirstProject(sql, { canaryToken: 'phc_canary' })
  const login = { login: 'admin', password: '' }
  await ensureFirstUser(sql, first.organizationId, {
    keep: (password) => {
      login.password = password
      return Promise.resolve()
    },
  })
  const consoleFolder = await mkdtemp(join(tmpdir(), 'sluice-console-'))
  const chosen: string[] = []
  const uses: TestCore['uses'] = { now: [] }
  const freshness = { completeThroughMs: Date.UTC(2026, 2, 10, 12), waitingEvents: 3, oldestWaitingMs: 10 }
  const nobody = () => assert.fail('Nobody was to be asked.')
  const http = await createCoreHttp({
    sql,
    sessions: { ageMsMax: 86_400_000, idleMsMax: 3_600_000, perUserMax: 3 },
    bounds: {
      ...config.api,
      changesPerMinuteMax: 10_000,
      loginsPerMinuteMax: 1000,
      strangersPerMinuteMax: 10_000,
      ...bounds,
    },
    limits: [],
    limitUses: (prefixes) =>
      Promise.resolve(uses.now?.filter(({ key }) => prefixes.some((prefix) => key.startsWith(prefix)))),
    passwordChosen: ({ login: name }) => {
      chosen.push(name)
      return Promise.resolve()
    },
    complaintAbout: questionComplaint,
    consoleFolder,
    questions: {
      askSql: nobody,
      describeTables: nobody,
      questionsOf: nobody,
      completeness: { freshness: () => Promise.resolve(freshness), parkedEvents: () => Promise.resolve(2) },
    },
    recordings: {
      recordingsOf: nobody,
      completeness: { freshness: () => Promise.resolve(freshness), parkedEvents: () => Promise.resolve(0) },
    },
    internal: {
      status: nobody,
      health: nobody,
      resetLogin: nobody,
      positionsOf: nobody,
      present: nobody,
      metrics: nobody,
    },
    journey: { explainEvent: nobody, listDeadLetters: nobody },
    pipeline: { pipelineNow: nobody },
    live: { live: createLiveFeed(config.live, { telemetry: silent }), pingIntervalMs: 1000 },
    telemetry: silent,
  })

  const keyOf = async (organizationId: string, of: readonly Scope[]) => ({
    authorization: `Bearer ${await createPersonalKey(sql, { organizationId, label: 'test', scopes: of })}`,
  })
  const partyOf = async (organizationId: string, projectId: number): Promise<Party> => {
    const [token = ''] = await projectTokens(sql, projectId)
    return { organizationId, projectId, token, bearer: await keyOf(organizationId, scopes) }
  }
  const [organization] = await sql.query<{ readonly id: string }>(
    `insert into sluice.organizations (name) values ('Others') returning id`,
    [],
  )
  assert.ok(organization !== undefined)
  const foreign = await createProject(sql, systemActor, organization.id, 'Theirs', 10)
  assert.ok(foreign !== undefined)

  return {
    http,
    sql,
    login,
    consoleFolder,
    chosen,
    uses,
    own: await partyOf(first.organizationId, first.projectId),
    other: await partyOf(organization.id, foreign.id),
    keyWith: (of) => keyOf(first.organizationId, of),
    async send(method, url, { headers = {}, body } = {}) {
      const answer = await http.inject({
        method,
        url,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
      })
      const isJson = String(answer.headers['content-type']).includes('json')
      return {
        status: answer.statusCode,
        headers: answer.headers,
        text: answer.body,
        body: isJson ? answer.json<Readonly<Record<string, unknown>>>() : {},
      }
    },
    async close() {
      await http.close()
      await postgres.close()
      await rm(consoleFolder, { recursive: true, force: true })
    },
  }
}
