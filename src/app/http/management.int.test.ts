/** Projects, tokens, keys and insights as they are managed, and the pages beside the API. */
import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { tokenNow } from '../../stores/state/token-changes.ts'
import { openTestCore } from './core-http.fixtures.ts'
import type { TestCore } from './core-http.fixtures.ts'

let core: TestCore
let project: string

before(async () => {
  core = await openTestCore({ projectsMax: 2, tokensMax: 2, keysMax: 4, insightsMax: 2 })
  project = `/api/projects/${String(core.own.projectId)}`
})
after(() => core.close())

const send = (method: string, url: string, body?: unknown) =>
  core.send(method, url, { headers: core.own.bearer, ...(body === undefined ? {} : { body }) })

describe('projects', () => {
  it('are made with a token, changed field by field, and bounded in number', async () => {
    const made = await send('POST', '/api/projects', { name: 'Second' })
    assert.equal(made.status, 201)
    assert.partialDeepStrictEqual(made.body, { name: 'Second', answers: 'sdk', event_retention_days: null })
    assert.match(String((made.body['tokens'] as readonly string[])[0]), /^phc_/)
    const path = `/api/projects/${String(made.body['id'])}`
    assert.partialDeepStrictEqual((await send('PATCH', path, { event_retention_days: 90 })).body, {
      name: 'Second',
      event_retention_days: 90,
    })
    assert.partialDeepStrictEqual((await send('PATCH', path, { name: 'Other', event_retention_days: null })).body, {
      name: 'Other',
      event_retention_days: null,
    })
    const { status, body } = await send('POST', '/api/projects', { name: 'Third' })
    assert.deepEqual([status, body['code']], [422, 'SLUICE_LIMIT_REACHED'])
  })

  it('are refused with what is wrong, field by field', async () => {
    for (const [body, field] of [
      [{}, 'body'],
      [{ name: '' }, 'body.name'],
      [{ name: 1 }, 'body.name'],
      [{ name: 'a\u0000b' }, 'body.name'],
      [{ name: 'a', id: 7 }, 'body'],
    ] as const) {
      const { status, body: told } = await send('POST', '/api/projects', body)
      assert.equal(status, 400)
      const [first] = told['errors'] as readonly { readonly field: string }[]
      assert.equal(first?.field, field, JSON.stringify(told))
    }
  })
})

describe('tokens', () => {
  it('are made and revoked as changes that doors follow', async () => {
    const made = await send('POST', `${project}/tokens`)
    assert.equal(made.status, 201)
    const token = String(made.body['token'])
    const before = await tokenNow(core.sql, token)
    assert.equal(before?.revoked, false)
    assert.equal((await send('POST', `${project}/tokens`)).status, 422)
    assert.equal((await send('DELETE', `${project}/tokens/${token}`)).status, 204)
    const now = await tokenNow(core.sql, token)
    assert.ok(now?.revoked === true && now.version > before.version)
    assert.equal((await send('DELETE', `${project}/tokens/${token}`)).status, 404)
    assert.equal((await send('DELETE', `${project}/tokens/%00`)).status, 404)
  })
})

describe('personal keys', () => {
  it('are shown once, work, and are nobody’s when they are revoked', async () => {
    const made = await send('POST', '/api/keys', { label: 'reports', scopes: ['read'] })
    assert.equal(made.status, 201)
    const { key, ...listed } = made.body
    const bearer = { authorization: `Bearer ${String(key)}` }
    assert.equal((await core.send('GET', '/api/projects', { headers: bearer })).status, 200)
    const { keys } = (await send('GET', '/api/keys')).body as { readonly keys: readonly Record<string, unknown>[] }
    const found = keys.find(({ id }) => id === listed['id'])
    assert.equal(typeof found?.['last_used_at'], 'string')
    assert.deepEqual({ ...found, last_used_at: null }, listed)
    assert.ok(!JSON.stringify(keys).includes(String(key)))
    assert.equal((await send('DELETE', `/api/keys/${String(listed['id'])}`)).status, 204)
    assert.equal((await core.send('GET', '/api/projects', { headers: bearer })).status, 401)
    assert.equal((await send('DELETE', `/api/keys/${String(listed['id'])}`)).status, 404)
  })

  it('give away no more than who makes them has', async () => {
    const headers = await core.keyWith(['manage'])
    const { status } = await core.send('POST', '/api/keys', {
      headers,
      body: { label: 'more', scopes: ['manage', 'write'] },
    })
    assert.equal(status, 403)
    assert.equal((await send('POST', '/api/keys', { label: 'x', scopes: [] })).status, 400)
    assert.equal((await send('POST', '/api/keys', { label: 'x', scopes: ['*'] })).status, 400)
  })
})

describe('insights', () => {
  it('come back as they were sent, change, and go', async () => {
    const question = { query: 'SELECT \u0000 {x:String}', parameters: { z: 1, a: [null, '\ud800'] } }
    const made = await send('POST', `${project}/insights`, { name: 'Answers', kind: 'sql', question })
    assert.equal(made.status, 201)
    assert.deepEqual(made.body['question'], question)
    const path = `${project}/insights/${String(made.body['id'])}`
    assert.deepEqual((await send('GET', path)).body, made.body)
    const renamed = await send('PATCH', path, { name: 'Other' })
    assert.partialDeepStrictEqual(renamed.body, { name: 'Other', kind: 'sql', question })
    assert.equal((await send('PATCH', path, { question: { query: 'SELECT 2' } })).status, 200)
    assert.deepEqual((await send('GET', path)).body['question'], { query: 'SELECT 2' })
    const { insights } = (await send('GET', `${project}/insights`)).body as { readonly insights: readonly unknown[] }
    assert.equal(insights.length, 1)
    assert.equal((await send('DELETE', path)).status, 204)
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      assert.equal((await send(method, path, method === 'PATCH' ? {} : undefined)).status, 404, method)
    }
  })

  it('are refused when the question is none of its kind, and when there are too many', async () => {
    const from = '2026-01-01T00:00:00.000Z'
    const trend = { series: [{ math: 'total' }], from, to: '2026-02-01T00:00:00.000Z', interval: 'day' }
    const kept = (kind: string, question: object) => send('POST', `${project}/insights`, { name: 'x', kind, question })
    assert.equal((await kept('sql', trend)).status, 400)
    assert.equal((await kept('trend', { ...trend, series: [] })).status, 400)
    const made = await kept('trend', trend)
    assert.equal(made.status, 201)
    assert.equal((await send('PATCH', `${project}/insights/${String(made.body['id'])}`, { question: {} })).status, 400)
    assert.equal((await kept('sql', { query: 'SELECT 1' })).status, 201)
    assert.equal((await kept('sql', { query: 'SELECT 1' })).status, 422)
  })
})

describe('a path that cannot be', () => {
  it('is a problem like any other', async () => {
    for (const path of [`${project}/tokens/${'x'.repeat(300)}`, '/api/%zz']) {
      const { status, headers, body } = await send('DELETE', path)
      assert.ok(status === 414 || status === 400, String(status))
      assert.match(String(headers['content-type']), /^application\/problem\+json/)
      assert.equal(body['code'], 'SLUICE_REQUEST_REFUSED')
    }
  })
})

describe('the pages', () => {
  const page = (url: string, headers: Readonly<Record<string, string>> = {}) => core.send('GET', url, { headers })

  it('say how to build the console until it is built, then show it', async () => {
    const missing = await page('/')
    assert.equal(missing.status, 200)
    assert.match(missing.text, /npm run build:console/)
    await mkdir(join(core.consoleFolder, 'assets'))
    await writeFile(join(core.consoleFolder, 'index.html'), '<!doctype html>the console')
    await writeFile(join(core.consoleFolder, 'assets', 'app-1.js'), 'plain')
    await writeFile(join(core.consoleFolder, 'assets', 'app-1.js.br'), 'as brotli')
    assert.match((await page('/')).text, /the console/)
  })

  it('are kept by browsers as long as they hold: assets for good, the first page never unasked', async () => {
    const first = await page('/')
    assert.equal(first.headers['cache-control'], 'no-cache')
    assert.equal((await page('/', { 'if-none-match': String(first.headers['etag']) })).status, 304)
    const asset = await page('/assets/app-1.js')
    assert.equal(asset.text, 'plain')
    assert.match(String(asset.headers['cache-control']), /max-age=31536000, immutable/)
  })

  it('come compressed when they were built so and the browser takes it', async () => {
    const { text, headers } = await page('/assets/app-1.js', { 'accept-encoding': 'gzip, br' })
    assert.deepEqual([text, headers['content-encoding']], ['as brotli', 'br'])
    assert.match(String(headers['content-type']), /javascript/)
  })

  it('are none but those of the console', async () => {
    for (const path of [
      '/assets/none.js',
      '/assets/..%2findex.html',
      '/assets/%2e%2e/%2e%2e/etc/passwd',
      '/index.htm',
    ]) {
      assert.ok([403, 404].includes((await page(path)).status), path)
    }
  })

  it('may load from here alone and be framed by nobody', async () => {
    for (const path of ['/', '/api/docs/', '/api/openapi.json']) {
      const policy = String((await page(path)).headers['content-security-policy'])
      assert.match(policy, /default-src 'self'/, path)
      assert.match(policy, /frame-ancestors 'none'/, path)
    }
  })

  it('of the reference load what they need from beside themselves, so that a path prefix is no matter', async () => {
    const { text } = await page('/api/docs/')
    const needed = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '')
    assert.ok(needed.length >= 4)
    for (const path of needed) {
      assert.ok(path.startsWith('./'), path)
      assert.equal((await page(`/api/docs/${path.slice(2)}`)).status, 200, path)
    }
    const { servers } = (await page('/api/docs/json')).body as { readonly servers: unknown }
    assert.deepEqual(servers, [{ url: '../..' }])
  })
})
