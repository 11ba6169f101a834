/** Logging in, what a session may do, how it ends; and how often one may try. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openTestCore } from './core-http.fixtures.ts'
import type { TestCore } from './core-http.fixtures.ts'

const csrf = { 'sluice-csrf': '1' }
const password = 'correct horse battery staple'
let core: TestCore
let present: string

before(async () => {
  core = await openTestCore({ loginsPerMinuteMax: 200, changesPerMinuteMax: 60, strangersPerMinuteMax: 20 })
  present = core.login.password
})
after(() => core.close())

async function logIn(as = present, headers: Readonly<Record<string, string>> = {}) {
  const answer = await core.send('POST', '/api/session', { body: { login: 'admin', password: as }, headers })
  const [cookie] = [answer.headers['set-cookie']].flat()
  return { ...answer, cookie: typeof cookie === 'string' ? cookie : '' }
}

/** Logs in and resolves with what the browser sends from then on. */
async function session(): Promise<{ readonly cookie: string }> {
  const { status, cookie } = await logIn()
  assert.equal(status, 200)
  return { cookie: cookie.split(';', 1).join('') }
}

const whoIs = (headers: Readonly<Record<string, string>>) => core.send('GET', '/api/session', { headers })

describe('a login', () => {
  it('sets a cookie that scripts and other sites cannot use, and over HTTPS nobody else can read', async () => {
    const { cookie, body } = await logIn()
    assert.match(cookie, /^sluice_session=[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; SameSite=Strict$/)
    assert.partialDeepStrictEqual(body, { user: { login: 'admin' }, must_change_password: true })
    assert.match((await logIn(present, { 'x-forwarded-proto': 'https' })).cookie, /; Secure/)
  })

  it('is refused alike for a wrong password and an unknown login', async () => {
    const wrong = await logIn('not the password')
    const unknown = await core.send('POST', '/api/session', { body: { login: 'nobody', password } })
    assert.equal(wrong.status, 401)
    assert.deepEqual(unknown.body, wrong.body)
    assert.equal(wrong.cookie, '')
  })

  it('is refused when another site makes the browser send it', async () => {
    for (const site of ['cross-site', 'same-site']) {
      assert.equal((await logIn(present, { 'sec-fetch-site': site })).status, 403)
    }
    assert.equal((await logIn(present, { 'sec-fetch-site': 'same-origin' })).status, 200)
  })
})

describe('a one-time password', () => {
  it('opens nothing but the way to another one', async () => {
    const headers = await session()
    for (const path of ['/api/projects', '/api/keys', '/api/limits']) {
      const { status, body } = await core.send('GET', path, { headers })
      assert.deepEqual([status, body['code']], [403, 'SLUICE_PASSWORD_CHANGE_REQUIRED'], path)
    }
    assert.equal((await whoIs(headers)).status, 200)
  })

  it('is replaced by a new one, which ends all other sessions', async () => {
    const headers = await session()
    const other = await session()
    const change = (body: object) =>
      core.send('POST', '/api/session/password', { headers: { ...headers, ...csrf }, body })
    assert.equal((await change({ current_password: 'not it at all', new_password: password })).status, 403)
    assert.equal((await change({ current_password: present, new_password: 'too short' })).status, 400)
    assert.equal((await change({ current_password: present, new_password: present })).status, 422)
    assert.deepEqual(core.chosen, [])
    assert.equal((await change({ current_password: present, new_password: password })).status, 204)
    assert.deepEqual(core.chosen, ['admin'])
    assert.equal((await whoIs(other)).status, 401)
    assert.equal((await whoIs(headers)).body['must_change_password'], false)
    assert.equal((await core.send('GET', '/api/projects', { headers })).status, 200)
    assert.equal((await logIn(present)).status, 401)
    present = password
  })
})

describe('a session', () => {
  it('changes nothing without the header that other sites cannot send', async () => {
    const headers = await session()
    const url = '/api/projects'
    const body = { name: 'made by session' }
    for (const own of [{}, { 'sluice-csrf': '0' }, { ...csrf, 'sec-fetch-site': 'cross-site' }]) {
      const { status, body: told } = await core.send('POST', url, { headers: { ...headers, ...own }, body })
      assert.deepEqual([status, told['code']], [403, 'SLUICE_CSRF_REFUSED'], JSON.stringify(own))
    }
    for (const site of ['same-origin', 'none']) {
      const own = { ...csrf, 'sec-fetch-site': site }
      assert.equal((await core.send('POST', url, { headers: { ...headers, ...own }, body })).status, 201)
    }
    const asked = await core.send('GET', url, { headers: { ...headers, 'sec-fetch-site': 'cross-site' } })
    assert.equal(asked.status, 200)
  })

  it('counts for nothing beside a personal key', async () => {
    const headers = { ...(await session()), ...csrf }
    const readOnly = await core.keyWith(['read'])
    const { status } = await core.send('POST', '/api/projects', {
      headers: { ...headers, ...readOnly },
      body: { name: 'x' },
    })
    assert.equal(status, 403)
  })

  it('ends with the logout', async () => {
    const headers = await session()
    const out = await core.send('DELETE', '/api/session', { headers: { ...headers, ...csrf } })
    assert.equal(out.status, 204)
    assert.match(String(out.headers['set-cookie']), /^sluice_session=;/)
    assert.equal((await whoIs(headers)).status, 401)
  })

  it('ends when it is old, and when nobody used it', async () => {
    for (const column of ['created_at', 'last_used_at']) {
      const headers = await session()
      assert.equal((await whoIs(headers)).status, 200)
      await core.sql.query(`update sluice.sessions set ${column} = now() - interval '25 hours'`)
      assert.equal((await whoIs(headers)).status, 401, column)
    }
  })

  it('makes room for the newest when there are too many', async () => {
    const first = await session()
    for (let n = 0; n < 3; n++) await session()
    assert.equal((await whoIs(first)).status, 401)
    const [row] = await core.sql.query<{ readonly count: number }>('select count(*) from sluice.sessions')
    assert.equal(Number(row?.count), 3)
  })

  it('is kept as a hash', async () => {
    const { cookie } = await session()
    const rows = await core.sql.query<{ readonly hash: Buffer }>('select token_hash as hash from sluice.sessions')
    const token = cookie.replace('sluice_session=', '')
    assert.ok(rows.every(({ hash }) => hash.length === 32 && !hash.equals(Buffer.from(token, 'base64url'))))
  })
})

describe('too many', () => {
  const from = (address: string) => ({ 'sluice-client-address': address })

  it('tries to log in from one address are refused for a while, those of others are not', async () => {
    // A body that fits no schema costs no hash.
    const attempt = (address: string) => core.send('POST', '/api/session', { headers: from(address), body: {} })
    for (let n = 0; n < 200; n++) assert.equal((await attempt('192.0.2.1')).status, 400)
    const { status, headers, body } = await attempt('192.0.2.1')
    assert.deepEqual([status, body['code']], [429, 'SLUICE_TOO_OFTEN'])
    assert.ok(Number(headers['retry-after']) >= 1 && Number(headers['retry-after']) <= 60)
    assert.equal((await attempt('192.0.2.2')).status, 400)
  })

  it('strangers from one address do not lock out who has a key there', async () => {
    const headers = { ...from('192.0.2.3'), authorization: 'Bearer phx_guessed' }
    for (let n = 0; n < 20; n++) assert.equal((await core.send('GET', '/api/projects', { headers })).status, 401)
    assert.equal((await core.send('GET', '/api/projects', { headers })).status, 429)
    const known = await core.send('GET', '/api/projects', { headers: { ...headers, ...core.own.bearer } })
    assert.equal(known.status, 200)
  })

  it('changes by one key are refused for a while, its questions are not', async () => {
    const headers = await core.keyWith(['manage', 'read'])
    const change = () => core.send('PATCH', `/api/projects/${String(core.own.projectId)}`, { headers, body: {} })
    for (let n = 0; n < 60; n++) assert.equal((await change()).status, 200)
    assert.equal((await change()).status, 429)
    assert.equal((await core.send('GET', '/api/projects', { headers })).status, 200)
  })
})
