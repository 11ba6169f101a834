/** Limits, restrictions, secrets for signatures, answers and lanes of tokens, as they are managed. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { quotaKey, rateKey } from '../../stores/state/door-policy.ts'
import { openTestCore } from './core-http.fixtures.ts'
import type { TestCore } from './core-http.fixtures.ts'

let core: TestCore
let project: string

before(async () => {
  core = await openTestCore({ limitsMax: 4, restrictionsMax: 2, signingSecretsMax: 2 })
  project = `/api/projects/${String(core.own.projectId)}`
})
after(() => core.close())

const send = (method: string, url: string, body?: unknown) =>
  core.send(method, url, { headers: core.own.bearer, ...(body === undefined ? {} : { body }) })
const fieldsOf = (body: Readonly<Record<string, unknown>>) => [
  ...new Set((body['errors'] as readonly { readonly field: string }[]).map(({ field }) => field)),
]

describe('limits', () => {
  const quota = { events_max: 1_000_000, period: 'month' }
  const rate = { events_per_second: 0.5, burst_events_max: 2000 }

  it('are made, changed part by part, and go', async () => {
    const made = await send('POST', `${project}/limits`, { event_type: '@events', quota })
    assert.equal(made.status, 201, made.text)
    const common = { token: null, event_type: '@events' }
    assert.partialDeepStrictEqual(made.body, { ...common, quota, rate: null })
    const path = `${project}/limits/${String(made.body['id'])}`
    assert.partialDeepStrictEqual((await send('PATCH', path, { rate })).body, { ...common, quota, rate })
    assert.partialDeepStrictEqual((await send('PATCH', path, { quota: null })).body, { ...common, quota: null, rate })
    const emptied = await send('PATCH', path, { rate: null })
    assert.equal(emptied.status, 400)
    assert.match(String(emptied.body['detail']), /delete it/)
    const { limits } = (await send('GET', `${project}/limits`)).body as { readonly limits: readonly object[] }
    assert.partialDeepStrictEqual(limits, [{ ...common, quota: null, rate }])
    assert.equal((await send('DELETE', path)).status, 204)
    for (const method of ['PATCH', 'DELETE']) {
      assert.equal((await send(method, path, method === 'PATCH' ? {} : undefined)).status, 404)
    }
  })

  it('are refused with the field that is wrong and what to do', async () => {
    const refusals = [
      [{ event_type: 'a' }, 400, ['body.quota'], /quota, a rate, or both/],
      [{ event_type: 'a', quota: { events_max: 1 } }, 400, undefined, /period/],
      [{ event_type: 'a', quota: { events_max: 1, period: 'week' } }, 400, undefined, /month/],
      [{ event_type: 'a', quota: { events_max: -1, period: 'day' } }, 400, undefined, /events_max/],
      [{ event_type: 'a', quota: { events_max: 1e30, period: 'day' } }, 400, undefined, /events_max/],
      [{ event_type: 'a', rate: { events_per_second: 1 } }, 400, undefined, /burst_events_max/],
      [{ event_type: 'a', rate: { events_per_second: 1, burst_events_max: 0 } }, 400, undefined, /burst_events_max/],
      [{ event_type: '@evnts', quota }, 400, ['body.event_type'], /@events, @recordings/],
      [{ event_type: '', quota }, 400, ['body.event_type'], /event_type/],
      [{ event_type: 'a\u0000', quota }, 400, ['body.event_type'], /event_type/],
      [{ event_type: '😀'.repeat(201), quota }, 400, ['body.event_type'], /200 characters/],
      [{ event_type: 'a', token: 'phc_nobody', quota }, 422, ['body.token'], /no such token/],
      [{ event_type: 'a', token: core.other.token, quota }, 422, ['body.token'], /no such token/],
      [{ event_type: 'a', quota, per: 'user' }, 400, undefined, /per|additional/],
    ] as const
    for (const [body, status, fields, detail] of refusals) {
      const answer = await send('POST', `${project}/limits`, body)
      assert.equal(answer.status, status, JSON.stringify(body))
      assert.match(answer.text, detail)
      if (fields !== undefined) assert.deepEqual(fieldsOf(answer.body), fields)
    }
    assert.deepEqual((await send('GET', `${project}/limits`)).body, { limits: [] })
  })

  it('are one of a token and event type, and so many of a project', async () => {
    const make = (event_type: string, token?: string) => send('POST', `${project}/limits`, { event_type, token, rate })
    const first = await make('signup')
    const second = await make('signup')
    assert.deepEqual([second.status, second.body['code']], [409, 'SLUICE_LIMIT_EXISTS'])
    assert.ok(String(second.body['detail']).includes(String(first.body['id'])))
    assert.equal((await make('signup', core.own.token)).status, 201)
    assert.equal((await make('signup', core.own.token)).status, 409)
    assert.equal((await make('😀'.repeat(200))).status, 201)
    assert.equal((await make('c')).status, 201)
    const { status, body } = await make('d')
    assert.deepEqual([status, body['code']], [422, 'SLUICE_LIMIT_REACHED'])
    const { limits } = (await send('GET', `${project}/limits`)).body as { readonly limits: { readonly id: string }[] }
    for (const { id } of limits) assert.equal((await send('DELETE', `${project}/limits/${id}`)).status, 204)
  })

  it('show what the door has counted, by token, and nothing while it does not answer', async () => {
    const added = await send('POST', `${project}/tokens`)
    assert.equal(added.status, 201)
    const { token: mine } = core.own
    const another = String(added.body['token'])
    core.uses.now = [
      { key: quotaKey(mine, 'signup', 'day', Date.now()), used: 41 },
      { key: quotaKey(mine, 'signup', 'minute', Date.now()), used: 7 },
      { key: rateKey(mine, 'signup'), used: 1.5 },
      { key: quotaKey(core.other.token, 'signup', 'day', Date.now()), used: 99 },
    ]
    await send('POST', `${project}/limits`, { event_type: 'signup', rate, quota: { events_max: 50, period: 'day' } })
    await send('POST', `${project}/limits`, { event_type: 'signup', token: another, rate })
    const used = async () => {
      const { limits } = (await send('GET', `${project}/limits`)).body as { readonly limits: { used: unknown }[] }
      return limits.map((limit) => limit.used)
    }
    const own = { token: another, quota_events: null, rate_events: 0 }
    assert.deepEqual(await used(), [[{ token: mine, quota_events: 41, rate_events: 1.5 }], [own]])
    core.uses.now = undefined
    assert.deepEqual(await used(), [null, null])
  })
})

describe('restrictions', () => {
  it('are made with the filters that were named, and go', async () => {
    const filters = { event_names: ['debug'], event_uuids: ['018F0000-0000-7000-8000-00000000000A'] }
    const made = await send('POST', `${project}/restrictions`, { kind: 'drop_event_from_ingestion', ...filters })
    assert.equal(made.status, 201, made.text)
    const { id, created_at: _, ...rest } = made.body
    assert.deepEqual(rest, {
      kind: 'drop_event_from_ingestion',
      topic: null,
      tokens: [],
      distinct_ids: [],
      session_ids: [],
      event_names: ['debug'],
      event_uuids: ['018f0000-0000-7000-8000-00000000000a'],
      pipelines: [],
    })
    const redirect = { kind: 'redirect_to_topic', topic: 'historical_events', pipelines: ['analytics'] }
    assert.equal((await send('POST', `${project}/restrictions`, redirect)).status, 201)
    const third = await send('POST', `${project}/restrictions`, redirect)
    assert.deepEqual([third.status, third.body['code']], [422, 'SLUICE_LIMIT_REACHED'])
    const { restrictions } = (await send('GET', `${project}/restrictions`)).body as { restrictions: object[] }
    assert.equal(restrictions.length, 2)
    assert.equal((await send('DELETE', `${project}/restrictions/${String(id)}`)).status, 204)
    assert.equal((await send('DELETE', `${project}/restrictions/${String(id)}`)).status, 404)
  })

  it('are refused when they cannot be meant', async () => {
    for (const [body, detail] of [
      [{ kind: 'drop' }, /drop_event_from_ingestion/],
      [{ kind: 'redirect_to_topic' }, /needs a topic: one of events_plugin_ingestion/],
      [{ kind: 'redirect_to_topic', topic: 'clickhouse_events' }, /topic/],
      [{ kind: 'redirect_to_topic', topic: 'exceptions', pipelines: ['session_recordings'] }, /Recordings/],
      [{ kind: 'redirect_to_dlq', topic: 'exceptions' }, /takes no topic/],
      [{ kind: 'redirect_to_dlq', pipelines: ['everything'] }, /pipelines/],
      [{ kind: 'redirect_to_dlq', distinct_ids: ['a\u0000'] }, /distinct_ids/],
      [{ kind: 'redirect_to_dlq', distinct_ids: Array.from({ length: 101 }, String) }, /distinct_ids/],
      [{ kind: 'redirect_to_dlq', event_uuids: ['none'] }, /event_uuids/],
    ] as const) {
      const { status, text } = await send('POST', `${project}/restrictions`, body)
      assert.equal(status, 400, JSON.stringify(body))
      assert.match(text, detail)
    }
  })
})

describe('a request that names the type of a body and has none', () => {
  const headers = () => ({ ...core.own.bearer, 'content-type': 'application/json' })

  it('is taken where no body is needed, and refused with what is missing where one is', async () => {
    const { status, body } = await core.send('POST', `${project}/tokens`, { headers: headers() })
    assert.equal(status, 201)
    const path = `${project}/tokens/${String(body['token'])}`
    assert.equal((await core.send('DELETE', path, { headers: headers() })).status, 204)
    const refused = await core.send('POST', `${project}/limits`, { headers: headers() })
    assert.deepEqual([refused.status, fieldsOf(refused.body)], [400, ['body']])
  })
})

describe('secrets for signatures', () => {
  it('are shown once, bounded in number, and forgotten when they are revoked', async () => {
    const made = await send('POST', `${project}/signing-secrets`, { label: 'the shop' })
    assert.equal(made.status, 201, made.text)
    const secret = String(made.body['secret'])
    assert.match(secret, /^sign_\w{43}$/)
    const path = `${project}/signing-secrets`
    assert.ok(!(await send('GET', path)).text.includes(secret))
    assert.equal((await send('POST', path, { label: 'another' })).status, 201)
    assert.equal((await send('POST', path, { label: 'a third' })).status, 422)
    assert.equal((await send('DELETE', `${path}/${String(made.body['id'])}`)).status, 204)
    assert.equal((await send('DELETE', `${path}/${String(made.body['id'])}`)).status, 404)
    const { signing_secrets: left } = (await send('GET', path)).body as { signing_secrets: { label: string }[] }
    assert.deepEqual(
      left.map(({ label }) => label),
      ['another'],
    )
    const kept = await core.sql.query('select 1 from sluice.signing_secrets where secret = $1', [secret])
    assert.deepEqual(kept, [])
  })
})

describe('a project', () => {
  it('answers as SDKs need it or strictly', async () => {
    assert.equal((await send('PATCH', project, { answers: 'strict' })).body['answers'], 'strict')
    assert.equal((await send('PATCH', project, { name: 'Renamed' })).body['answers'], 'strict')
    assert.equal((await send('PATCH', project, { answers: 'loose' })).status, 400)
    assert.equal((await send('PATCH', project, { answers: 'sdk' })).body['answers'], 'sdk')
  })

  it('has tokens that may write some lanes alone', async () => {
    const lanes = ['historical_events', 'exceptions']
    const made = await send('POST', `${project}/tokens`, { lanes })
    assert.equal(made.status, 201, made.text)
    const { token } = made.body
    assert.deepEqual((await send('GET', project)).body['token_lanes'], [{ token, lanes }])
    for (const wrong of [[], ['clickhouse_events'], ['no lane'], ['exceptions', 'exceptions'], null]) {
      assert.equal((await send('POST', `${project}/tokens`, { lanes: wrong })).status, 400, String(wrong))
    }
    assert.equal((await send('DELETE', `${project}/tokens/${String(token)}`)).status, 204)
    assert.deepEqual((await send('GET', project)).body['token_lanes'], [])
  })
})
