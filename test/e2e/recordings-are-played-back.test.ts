import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { send } from '../harness/http-client.ts'
import { until } from '../harness/until.ts'

interface Snapshots {
  readonly batches: readonly { readonly window_id: string; readonly snapshots: readonly unknown[] }[]
  readonly next_cursor: string | null
}

interface Listed {
  readonly recordings: readonly { readonly id: string; readonly snapshot_count: number; readonly distinct_id: string }[]
  readonly complete_through: string
}

describe('recordings and heatmaps of a running installation', () => {
  const cleanings: (() => Promise<void>)[] = []
  let sluice: Installation
  before(async () => {
    sluice = await aRunningSluice(
      { after: (clean) => void cleanings.push(clean) },
      { SLUICE_WAREHOUSE_RECORDINGS_LINGER_MS: '50', SLUICE_QUERY_SNAPSHOT_PAGE_BYTES_MAX: '2000' },
    )
  })
  after(async () => {
    for (const clean of cleanings) await clean()
  })

  const api = async (path: string) => {
    const headers = { authorization: `Bearer ${sluice.personalKey}` }
    return await send(`${sluice.url}/api/projects/1${path}`, { method: 'GET', headers })
  }
  const record = async (session: string, offset: number, snapshots: readonly unknown[], uuid = randomUUID()) => {
    const properties = { token: sluice.token, distinct_id: 'ada', $session_id: session, $snapshot_data: snapshots }
    const body = gzipSync(JSON.stringify([{ event: '$snapshot', uuid, offset, properties }]))
    const { status, text } = await sluice.send('/s/?compression=gzip-js', { method: 'POST', body })
    assert.deepEqual([status, text], [200, '{"status":"Ok"}'])
  }
  /** All snapshots of a session, page by page. */
  const snapshotsOf = async (session: string) => {
    const snapshots: unknown[] = []
    let pages = 0
    let cursor: string | null = null
    do {
      const search: string = cursor === null ? '' : `?cursor=${cursor}`
      const { status, text } = await api(`/recordings/${session}/snapshots${search}`)
      if (status === 404) return { snapshots, pages }
      assert.equal(status, 200, text)
      const page = JSON.parse(text) as Snapshots
      snapshots.push(...page.batches.flatMap((batch) => batch.snapshots))
      cursor = page.next_cursor
      pages++
    } while (cursor !== null)
    return { snapshots, pages }
  }

  it('gives the snapshots of a session in their order, page by page, each once', async () => {
    const [one, two] = ['one', randomUUID()] as const
    const text = 'x'.repeat(500)
    for (let n = 0; n < 10; n++) {
      const uuid = randomUUID()
      await record(one, 10_000 - n * 100, [{ n, text }], uuid)
      await record(two, 10_000 - n * 100, [{ n: -n }])
      // Sent again by a client that has not seen the answer.
      if (n === 4) await record(one, 10_000 - n * 100, [{ n, text }], uuid)
    }
    await until('the snapshots are there', async () => (await snapshotsOf(two)).snapshots.length === 10)
    const { snapshots, pages } = await snapshotsOf(one)
    assert.deepEqual(
      snapshots,
      Array.from({ length: 10 }, (_, n) => ({ n, text })),
    )
    assert.ok(pages > 1)
    const listed = JSON.parse((await api('/recordings?distinct_id=ada')).text) as Listed
    assert.deepEqual(
      new Map(listed.recordings.map(({ id, snapshot_count }) => [id, snapshot_count])),
      new Map([
        [one, 10],
        [two, 10],
      ]),
    )
    assert.ok(Date.parse(listed.complete_through) > 0)
    assert.equal((await api('/recordings/nobody/snapshots')).status, 404)
  })

  it('takes 5 MB in one request, and 413 what is larger than the largest', async () => {
    const snapshots = Array.from({ length: 500 }, (_, n) => ({ n, text: 'ä "quoted" text '.repeat(640) }))
    await record('large', 0, snapshots)
    await until('the snapshots are there', async () => (await snapshotsOf('large')).snapshots.length === 500)
    assert.deepEqual((await snapshotsOf('large')).snapshots, snapshots)
    const { status } = await sluice.send('/s/', { method: 'POST', body: Buffer.alloc(26 * 1024 * 1024, 0x20) })
    assert.equal(status, 413)
  })

  it('takes heatmaps from events, and its books and verify know all of it', async () => {
    const $heatmap_data = { 'https://example.com/': [{ x: 1, y: 2, target_fixed: false, type: 'click' }] }
    const properties = { $heatmap_data, $session_id: 'seen', $current_url: 'https://example.com/', plan: 'team' }
    assert.equal((await sluice.capture([{ event: '$pageleave', distinct_id: 'ada', properties }])).status, 200)
    const rows = async (sql: string) => (await sluice.ask(sql)).rows
    const heatmaps = 'SELECT session_id, current_url, properties FROM heatmaps'
    await until('the heatmap is there', async () => (await rows(heatmaps)).length === 1)
    const [[session, url, json]] = (await rows(heatmaps)) as [[string, string, string]]
    assert.deepEqual([session, url], ['seen', 'https://example.com/'])
    const { plan, ...listed } = properties
    assert.deepEqual(JSON.parse(json), listed)
    const pageleave = "SELECT properties FROM events WHERE event = '$pageleave'"
    await until('the event is there', async () => (await rows(pageleave)).length === 1)
    const [[own]] = (await rows(pageleave)) as [[string]]
    const left = JSON.parse(own) as Readonly<Record<string, unknown>>
    assert.deepEqual([left['plan'], left['$heatmap_data']], [plan, undefined])
    const { code, out, err } = await sluice.run(['verify'])
    assert.equal(code, 0, `${out}\n${err}`)
  })

  it('tells SDKs when the project has no recordings left, and takes its events all the same', async () => {
    const { status, text } = await send(`${sluice.url}/api/projects/1/limits`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sluice.personalKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ event_type: '@recordings', quota: { events_max: 1, period: 'ever' } }),
    })
    assert.equal(status, 201, text)
    const sent = async () => {
      const properties = { token: sluice.token, distinct_id: 'ada', $session_id: 'limited', $snapshot_data: [] }
      const body = JSON.stringify({ event: '$snapshot', uuid: randomUUID(), properties })
      return (await sluice.send('/s/', { method: 'POST', body })).text
    }
    const limited = '{"status":"Ok","quota_limited":["recordings"]}'
    await until('the limit holds', async () => (await sent()) === limited)
    assert.equal(await sent(), limited)
    const answer = await sluice.capture([{ event: 'still taken', distinct_id: 'ada' }])
    assert.deepEqual([answer.status, answer.text], [200, '{"status":"Ok"}'])
  })
})
