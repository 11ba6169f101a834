/** Who is let in where, for every route that the document knows: a new one is in these tests without anybody's doing. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemActor } from '../../stores/state/audit-log.ts'
import { createInsight } from '../../stores/state/insights.ts'
import { addPersonalKey } from '../../stores/state/keys.ts'
import { createLimit } from '../../stores/state/limits.ts'
import { createRestriction } from '../../stores/state/restrictions.ts'
import { createSigningSecret } from '../../stores/state/signing-secrets.ts'
import { openTestCore } from './core-http.fixtures.ts'
import type { TestCore } from './core-http.fixtures.ts'

interface Operation {
  readonly operationId: string
  readonly description?: string
  readonly security: readonly object[]
}

interface Route extends Operation {
  readonly method: string
  readonly path: string
}

const someUuid = '018f0000-0000-7000-8000-000000000000'
let core: TestCore
let routes: readonly Route[]
/** What the other organisation has, by the name of a parameter. */
let theirs: Readonly<Record<string, string>>
/** The same of the own one. */
let ours: Readonly<Record<string, string>>

before(async () => {
  core = await openTestCore()
  const { paths } = (await core.send('GET', '/api/openapi.json')).body as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  }
  routes = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  )
  theirs = await belongings(core.other)
  ours = await belongings(core.own)
})

after(() => core.close())

async function belongings({ projectId, organizationId, token }: TestCore['own']) {
  const question = { query: 'SELECT 1' }
  const kept = await createInsight(core.sql, projectId, { name: 'kept', kind: 'sql', question }, 10)
  const { sql } = core
  const key = await addPersonalKey(sql, systemActor, { organizationId, label: 'kept', scopes: ['read'] }, 10)
  const quota = { eventsMax: 7, period: 'day' } as const
  const wish = { projectId, token: null, eventType: `event of ${String(projectId)}`, quota, rate: null }
  const limit = await createLimit(sql, systemActor, wish, 10)
  const nothing = { distinctIds: [], sessionIds: [], eventUuids: [], pipelines: [] }
  const filters = { ...nothing, tokens: [token], eventNames: [`restricted in ${String(projectId)}`] }
  const drop = { kind: 'drop_event_from_ingestion', topic: null, ...filters } as const
  const restriction = await createRestriction(sql, systemActor, projectId, drop, 10)
  const secret = await createSigningSecret(sql, systemActor, projectId, `signs for ${String(projectId)}`, 10)
  assert.ok(kept !== undefined && key !== undefined && restriction !== undefined && secret !== undefined)
  assert.equal(limit.kind, 'kept')
  return {
    id: String(projectId),
    insight_id: kept.id,
    token,
    uuid: someUuid,
    key_id: key.listed.id,
    limit_id: limit.limit.id,
    restriction_id: restriction.id,
    secret_id: secret.listed.id,
    session_id: 'session',
  }
}

/** The path with the values in it; a parameter that nobody named is a reason to fail. */
function pathOf({ path }: Route, values: Readonly<Record<string, string>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const value = values[name]
    assert.ok(value !== undefined, `Give this test a value for {${name}} of ${path}.`)
    return value
  })
}

const isOpen = ({ security }: Route): boolean => security.length === 0
const isForSessions = ({ security }: Route): boolean =>
  security.length > 0 && !security.some((one) => 'personalKey' in one)
const scopeOf = ({ description }: Route): string | undefined => /Scope: (\w+)\./.exec(description ?? '')?.[1]

describe('every route', () => {
  it('is in the document', () => {
    assert.ok(routes.length >= 25, String(routes.length))
    assert.deepEqual(
      routes.filter(isOpen).map(({ operationId }) => operationId),
      ['logIn'],
    )
  })

  it('answers 401 to nobody, to a key that nobody has, to a token, and to a session that is none', async () => {
    const strangers = [
      {},
      { authorization: 'Bearer phx_nobody' },
      { authorization: `Bearer ${core.own.token}` },
      { authorization: 'Basic YTpi' },
      { cookie: 'sluice_session=nobody', 'sluice-csrf': '1' },
    ]
    for (const route of routes.filter((one) => !isOpen(one))) {
      for (const headers of strangers) {
        const { status, headers: answered } = await core.send(route.method, pathOf(route, ours), { headers })
        assert.equal(status, 401, `${route.method} ${route.path} ${JSON.stringify(headers)}`)
        assert.match(String(answered['content-type']), /^application\/problem\+json/)
      }
    }
  })

  it('answers 403 to a key without its scope, before it looks at anything else', async () => {
    const all = ['read', 'write', 'manage'] as const
    for (const scope of all) {
      const bearer = await core.keyWith(all.filter((one) => one !== scope))
      for (const route of routes.filter((one) => scopeOf(one) === scope)) {
        const { status, body } = await core.send(route.method, pathOf(route, ours), { headers: bearer })
        assert.deepEqual([status, body['code']], [403, 'SLUICE_SCOPE_MISSING'], `${route.method} ${route.path}`)
      }
    }
  })

  it('changes nothing for a key that may only read, unless it is a question', async () => {
    const bearer = await core.keyWith(['read'])
    const questions = ['askTrend', 'askFunnel', 'askRetention', 'askSql']
    const changing = routes.filter(({ method }) => method !== 'GET').filter((route) => !isOpen(route))
    for (const route of changing.filter(({ operationId }) => !questions.includes(operationId))) {
      const { status } = await core.send(route.method, pathOf(route, ours), { headers: bearer })
      assert.equal(status, isForSessions(route) ? 401 : 403, `${route.method} ${route.path}`)
    }
  })
})

describe('the project of another organisation', () => {
  it('is not there, on any route, with any key, whatever is asked of it', async () => {
    const below = routes.filter(({ path }) => path.startsWith('/api/projects/{id}'))
    assert.ok(below.length >= 16, String(below.length))
    for (const route of below) {
      for (const body of [undefined, {}]) {
        const options = { headers: core.own.bearer, ...(route.method === 'GET' || body === undefined ? {} : { body }) }
        const { status } = await core.send(route.method, pathOf(route, theirs), options)
        assert.equal(status, 404, `${route.method} ${route.path}`)
      }
    }
  })

  it('gives none of its things through the path of the own project', async () => {
    const below = routes.filter(({ path }) => /\{(insight_id|token|limit_id|restriction_id|secret_id)\}/.test(path))
    assert.ok(below.length >= 8, String(below.length))
    for (const route of below) {
      const body = route.operationId === 'changeProjectLimit' ? { rate: null } : { name: 'mine' }
      const options = { headers: core.own.bearer, ...(route.method === 'PATCH' ? { body } : {}) }
      const { status } = await core.send(route.method, pathOf(route, { ...theirs, id: ours['id'] ?? '' }), options)
      assert.equal(status, 404, `${route.method} ${route.path}`)
    }
    const { status } = await core.send('DELETE', `/api/keys/${theirs['key_id'] ?? ''}`, { headers: core.own.bearer })
    assert.equal(status, 404)
  })

  it('is as it was, and in no list', async () => {
    const own = `/api/projects/${ours['id'] ?? ''}`
    const things = ['insights', 'limits', 'restrictions', 'signing-secrets'].map((name) => `${own}/${name}`)
    const audit = ['/api/audit?limit=200', `/api/audit?project=${theirs['id'] ?? ''}`]
    const lists = ['/api/projects', '/api/keys', ...things, ...audit]
    for (const path of lists) {
      const { status, text } = await core.send('GET', path, { headers: core.own.bearer })
      assert.equal(status, 200)
      const { id: _, uuid: __, session_id: ___, ...secrets } = theirs
      for (const secret of [...Object.values(secrets), 'Theirs']) assert.ok(!text.includes(secret), path)
    }
    const kept = `/api/projects/${theirs['id'] ?? ''}`
    const { body } = await core.send('GET', kept, { headers: core.other.bearer })
    assert.partialDeepStrictEqual(body, { name: 'Theirs', tokens: [theirs['token']] })
    const insight = await core.send('GET', `${kept}/insights/${theirs['insight_id'] ?? ''}`, {
      headers: core.other.bearer,
    })
    assert.equal(insight.body['name'], 'kept')
  })
})
