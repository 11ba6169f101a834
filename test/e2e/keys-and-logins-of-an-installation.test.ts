/** What the first start prints lets people in; what is revoked stays out. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { anInstallation, aRunningSluice } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'

const json = { 'content-type': 'application/json' }

function logIn(installation: Installation, password: string) {
  const body = JSON.stringify({ login: 'admin', password })
  return installation.send('/api/session', { method: 'POST', headers: json, body })
}

describe('the console of a new installation', () => {
  it('is opened with the printed password, which is gone as soon as it is changed, and can be had anew', async (t) => {
    const installation = await aRunningSluice(t)
    const file = join(installation.dataFolder, 'run', 'first-login.json')
    const printed = /First login +admin, (\S+)/.exec(installation.said())?.[1] ?? ''
    assert.match(installation.said(), new RegExp(`Console +${installation.url}/`))
    assert.equal(statSync(file).mode & 0o777, 0o600)

    const login = await logIn(installation, printed)
    assert.equal(login.status, 200, login.text)
    const cookie = login.headers['set-cookie']?.[0]?.split(';', 1).join('') ?? ''
    const body = JSON.stringify({ current_password: printed, new_password: 'chosen by a person' })
    const headers = { ...json, cookie, 'sluice-csrf': '1' }
    const changed = await installation.send('/api/session/password', { method: 'POST', headers, body })
    assert.equal(changed.status, 204, changed.text)
    assert.equal(existsSync(file), false)

    const { code, out, err } = await installation.run(['reset-login'])
    assert.equal(code, 0, err)
    const another = /one-time password (\S+)/.exec(out)?.[1] ?? ''
    assert.ok(readFileSync(file, 'utf8').includes(another))
    assert.equal((await installation.send('/api/session', { headers: { cookie } })).status, 401)
    assert.equal((await logIn(installation, 'chosen by a person')).status, 401)
    assert.equal((await logIn(installation, another)).status, 200)
  })

  it('takes the password of the settings, and shows and keeps it nowhere', async (t) => {
    const password = 'given-by-automation-7'
    const installation = await aRunningSluice(t, { SLUICE_CONSOLE_PASSWORD: password, SLUICE_LOG_LEVEL: 'debug' })
    const { status, text } = await logIn(installation, password)
    assert.equal(status, 200)
    assert.equal((JSON.parse(text) as { must_change_password: boolean }).must_change_password, false)
    assert.ok(!installation.said().includes(password))
    assert.ok(!installation.tail().includes(password))
    assert.equal(existsSync(join(installation.dataFolder, 'run', 'first-login.json')), false)
  })

  it('is not reset while nothing runs, and the command says so', async (t) => {
    const installation = await anInstallation(t)
    const { code, err } = await installation.run(['reset-login'])
    assert.equal(code, 1)
    assert.match(err, /does not run on/)
  })
})

describe('a token', () => {
  it('is taken by the door as soon as it is made, and refused soon after it is revoked', async (t) => {
    const installation = await aRunningSluice(t)
    const authorization = `Bearer ${installation.personalKey}`
    const made = await installation.send('/api/projects/1/tokens', { method: 'POST', headers: { authorization } })
    assert.equal(made.status, 201, made.text)
    const { token } = JSON.parse(made.text) as { readonly token: string }
    const send = async () => {
      const event = { event: 'by a new token', distinct_id: 'someone' }
      const body = JSON.stringify({ api_key: token, ...event })
      return (await installation.send('/capture/', { method: 'POST', headers: json, body })).status
    }
    assert.equal(await send(), 200)
    const path = `/api/projects/1/tokens/${token}`
    assert.equal((await installation.send(path, { method: 'DELETE', headers: { authorization } })).status, 204)
    await installation.until('the token being refused', async () => (await send()) === 401)
  })
})
