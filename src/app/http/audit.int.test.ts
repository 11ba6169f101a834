/** Every change over HTTP leaves one line that says who made it, and no secret. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { openTestCore } from './core-http.fixtures.ts'
import type { TestCore } from './core-http.fixtures.ts'

interface Line {
  readonly id: number
  readonly project: number | null
  readonly actor: { readonly kind: string; readonly id: string; readonly name: string; readonly address: string | null }
  readonly action: string
  readonly subject: string
  readonly before: unknown
  readonly after: unknown
}

let core: TestCore
let project: string

before(async () => {
  core = await openTestCore()
  project = `/api/projects/${String(core.own.projectId)}`
})
after(() => core.close())

const address = '192.0.2.7'
const send = (method: string, url: string, body?: unknown) =>
  core.send(method, url, {
    headers: { ...core.own.bearer, 'sluice-client-address': address },
    ...(body === undefined ? {} : { body }),
  })

async function page(query = ''): Promise<{ readonly lines: readonly Line[]; readonly next_cursor: string | null }> {
  const { status, body } = await send('GET', `/api/audit${query}`)
  assert.equal(status, 200)
  return body as unknown as { readonly lines: readonly Line[]; readonly next_cursor: string | null }
}

describe('the audit log over HTTP', () => {
  it('has one line of each change, with who made it, and none of what was refused or only read', async () => {
    const [newest] = (await page()).lines
    const id = async (path: string, body: unknown) => {
      const made = await send('POST', path, body)
      assert.equal(made.status, 201, made.text)
      return made.body
    }
    const made = await id('/api/projects', { name: 'Second' })
    await send('PATCH', project, { answers: 'strict' })
    await send('PATCH', project, { answers: 'strict' })
    await send('PATCH', project, { answers: 'unknown' })
    const { token } = await id(`${project}/tokens`, { lanes: ['exceptions'] })
    await send('DELETE', `${project}/tokens/${String(token)}`)
    const key = await id('/api/keys', { label: 'reports', scopes: ['read'] })
    await send('DELETE', `/api/keys/${String(key['id'])}`)
    const limit = await id(`${project}/limits`, { event_type: 'a', quota: { events_max: 1, period: 'day' } })
    await send('POST', `${project}/limits`, { event_type: 'a', quota: { events_max: 2, period: 'day' } })
    await send('PATCH', `${project}/limits/${String(limit['id'])}`, { quota: { events_max: 3, period: 'day' } })
    await send('DELETE', `${project}/limits/${String(limit['id'])}`)
    const restriction = await id(`${project}/restrictions`, { kind: 'redirect_to_dlq' })
    await send('DELETE', `${project}/restrictions/${String(restriction['id'])}`)
    const secret = await id(`${project}/signing-secrets`, { label: 'the shop' })
    await send('DELETE', `${project}/signing-secrets/${String(secret['id'])}`)
    await send('GET', project)

    const { lines } = await page('?limit=200')
    const since = lines.filter((line) => line.id > (newest?.id ?? 0)).reverse()
    assert.deepEqual(
      since.map(({ action, subject }) => [action, subject]),
      [
        ['project.created', String(made['id'])],
        ['token.created', String((made['tokens'] as readonly string[])[0])],
        ['project.changed', String(core.own.projectId)],
        ['token.created', token],
        ['token.revoked', token],
        ['key.created', key['id']],
        ['key.revoked', key['id']],
        ['limit.created', limit['id']],
        ['limit.changed', limit['id']],
        ['limit.removed', limit['id']],
        ['restriction.created', restriction['id']],
        ['restriction.removed', restriction['id']],
        ['signing_secret.created', secret['id']],
        ['signing_secret.revoked', secret['id']],
      ],
    )
    for (const { actor, action, project: of } of since) {
      assert.partialDeepStrictEqual(actor, { kind: 'key', name: 'test', address }, action)
      const about = action.startsWith('key.') ? null : of
      assert.equal(of, about)
    }
    const changed = since.find(({ action }) => action === 'project.changed')
    const rest = { name: 'My project', event_retention_days: null }
    assert.deepEqual(
      [changed?.before, changed?.after],
      [
        { ...rest, answers: 'sdk' },
        { ...rest, answers: 'strict' },
      ],
    )

    const all = JSON.stringify(lines)
    for (const hidden of [key['key'], secret['secret'], core.own.bearer.authorization.slice('Bearer '.length)]) {
      assert.ok(!all.includes(String(hidden)))
    }
  })

  it('says that a user chose a password, and not which', async () => {
    const { login, password } = core.login
    const opened = await core.send('POST', '/api/session', { body: { login, password } })
    const cookie = String([opened.headers['set-cookie']].flat()[0]).split(';', 1).join('')
    const headers = { cookie, 'sluice-csrf': '1' }
    const next = 'correct horse battery staple'
    const body = { current_password: password, new_password: next }
    assert.equal((await core.send('POST', '/api/session/password', { headers, body })).status, 204)
    const [line] = (await page('?limit=1')).lines
    assert.partialDeepStrictEqual(line, {
      action: 'password.changed',
      subject: 'admin',
      actor: { kind: 'user', name: 'admin', address: null },
      before: null,
      after: null,
    })
    assert.equal((await core.send('DELETE', '/api/keys/018f0000-0000-7000-8000-000000000000', { headers })).status, 404)
    const named = await core.send('PATCH', project, { headers, body: { name: 'By a person' } })
    assert.equal(named.status, 200)
    assert.partialDeepStrictEqual((await page('?limit=1')).lines[0], {
      action: 'project.changed',
      actor: { kind: 'user', name: 'admin' },
    })
  })

  it('comes page by page, each line once, and of one project when that is asked', async () => {
    const { lines: all } = await page('?limit=200')
    const pages: Line[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const { lines, next_cursor: next }: Awaited<ReturnType<typeof page>> = await page(
        `?limit=4${cursor === '' ? '' : `&cursor=${cursor}`}`,
      )
      assert.ok(lines.length > 0 && lines.length <= 4)
      pages.push(...lines)
      cursor = next
    }
    assert.deepEqual(pages, all)
    const { lines: own } = await page(`?limit=200&project=${String(core.own.projectId)}`)
    assert.deepEqual(
      own,
      all.filter((line) => line.project === core.own.projectId),
    )
    assert.ok(own.length > 0 && own.length < all.length)
  })

  it('is for those who manage, and refuses what it cannot read', async () => {
    const headers = await core.keyWith(['read', 'write'])
    assert.equal((await core.send('GET', '/api/audit', { headers })).status, 403)
    for (const query of ['?cursor=x', '?limit=0', '?limit=201', '?project=0', '?since=1']) {
      assert.equal((await send('GET', `/api/audit${query}`)).status, 400, query)
    }
  })
})
