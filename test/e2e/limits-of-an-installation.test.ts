/** Limits, restrictions and answers as people set them hold at the door without a restart, and what is used is shown. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { aRunningSluice } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'

const events = (count: number, event = 'counted') =>
  Array.from({ length: count }, () => ({ event, distinct_id: 'someone', uuid: randomUUID() }))

async function manage(
  installation: Installation,
  method: string,
  path: string,
  body?: object,
): Promise<Readonly<Record<string, unknown>>> {
  const headers = { authorization: `Bearer ${installation.personalKey}`, 'content-type': 'application/json' }
  const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
  const { status, text } = await installation.send(path, method === 'GET' ? { headers } : sent)
  assert.ok(status >= 200 && status < 300, `${method} ${path}: ${String(status)} ${text}`)
  return text === '' ? {} : (JSON.parse(text) as Readonly<Record<string, unknown>>)
}

/** Sends single events of this name until one meets a limit: until the door has heard of it. */
async function limited(installation: Installation, event: string): Promise<void> {
  await installation.until('the limit holding', async () => {
    const { headers } = await installation.capture(events(1, event))
    return /_limited=1/.test(String(headers['sluice-verdicts']))
  })
}

describe('a limit', () => {
  it('that a command sets holds without a restart, shows what is used, survives a crash, and is let go', async (t) => {
    const installation = await aRunningSluice(t)
    const set = (...words: readonly string[]) =>
      installation.run(['limits', 'set', '--project', '1', '--event', 'counted', ...words])
    const none = await set('--quota', '0/ever')
    assert.equal(none.code, 0, none.err)
    await limited(installation, 'counted')

    assert.equal((await set('--quota', '10/ever')).code, 0)
    await installation.until('the change holding', async () => {
      const { headers } = await installation.capture(events(1))
      return headers['sluice-verdicts'] === 'stored=1'
    })
    const { status, headers, text } = await installation.capture(events(12))
    assert.equal(status, 200, text)
    assert.match(String(headers['sluice-verdicts']), /^stored=\d, quota_limited=\d$/)
    const used = async () => {
      const { code, out, err } = await installation.run(['limits', 'list', '--project', '1', '--json'])
      assert.equal(code, 0, err)
      const [limit] = JSON.parse(out) as readonly { readonly used: readonly object[] | null }[]
      return limit?.used
    }
    const full = [{ token: installation.token, quota_events: 10, rate_events: null }]
    assert.deepEqual(await used(), full)
    await installation.kill('edge')
    await installation.roleReady('edge')
    assert.deepEqual(await used(), full)
    await limited(installation, 'counted')
    assert.equal((await installation.capture(events(1, 'another'))).headers['sluice-verdicts'], 'stored=1')

    const { limits } = (await manage(installation, 'GET', '/api/projects/1/limits')) as {
      readonly limits: readonly { readonly id: string }[]
    }
    const removed = await installation.run(['limits', 'remove', limits[0]?.id ?? ''])
    assert.equal(removed.code, 0, removed.err)
    await installation.until('the limit being gone', async () => {
      const { headers: verdicts } = await installation.capture(events(20))
      return verdicts['sluice-verdicts'] === 'stored=20'
    })
  })

  it('is told by status where answers are strict, and none of such a request is kept', async (t) => {
    const installation = await aRunningSluice(t)
    await manage(installation, 'PATCH', '/api/projects/1', { answers: 'strict' })
    const quota = { events_max: 3, period: 'ever' }
    await manage(installation, 'POST', '/api/projects/1/limits', { event_type: 'counted', quota })
    const answer = await installation.until('the limit holding', async () => {
      const got = await installation.capture(events(4))
      return got.status === 429 && got
    })
    assert.match(String(answer.headers['retry-after']), /^\d+$/)
    assert.partialDeepStrictEqual(JSON.parse(answer.text), { status: 'quota_limited' })
    const kept = events(3)
    assert.equal((await installation.capture(kept)).headers['sluice-verdicts'], 'stored=3')
    assert.equal((await installation.capture(kept)).status, 409)
    assert.equal((await installation.capture(events(1))).status, 429)
  })
})

describe('a restriction', () => {
  it('drops what it is about, and the sender hears that all is well', async (t) => {
    const installation = await aRunningSluice(t)
    const wish = { kind: 'drop_event_from_ingestion', event_names: ['debug'] }
    const { id } = await manage(installation, 'POST', '/api/projects/1/restrictions', wish)
    const dropped = async () => {
      const { status, headers } = await installation.capture(events(1, 'debug'))
      assert.equal(status, 200)
      return headers['sluice-verdicts'] !== 'stored=1'
    }
    await installation.until('the restriction holding', dropped)
    assert.equal((await installation.capture(events(1, 'signup'))).headers['sluice-verdicts'], 'stored=1')
    await manage(installation, 'DELETE', `/api/projects/1/restrictions/${String(id)}`)
    await installation.until('the restriction being gone', async () => !(await dropped()))
  })
})
