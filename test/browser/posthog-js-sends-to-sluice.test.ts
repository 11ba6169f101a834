/** posthog-js as it is published, told nothing but where to send. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Page } from 'playwright-core'
import { aRunningSluice } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'
import { cluster, embedded } from '../harness/profiles.ts'
import { until } from '../harness/until.ts'
import { aBrowser } from './browser.ts'
import { aShop, ordinaryUserAgent } from './shop.ts'
import type { Shop } from './shop.ts'

const clicks = 30

const pages = [
  { bundling: 'snippet', profile: embedded },
  { bundling: 'module', profile: embedded },
  { bundling: 'snippet', profile: cluster },
] as const

describe('a page with posthog-js', () => {
  for (const { bundling, profile } of pages) {
    const title = `from its ${bundling} has all it reports stored once, its session recorded, and nothing to complain of, ${profile.where}`
    it(title, { skip: profile.skip }, async (test) => {
      const sluice = await aRunningSluice(test, { SLUICE_SDKS_SESSION_RECORDING: 'on' }, profile)
      const shop = await aShop(test, await aBrowser(test, [ordinaryUserAgent]), sluice, bundling)
      const { page } = shop

      await page.goto(shop.url)
      await sluice.until('posthog-js', () => page.evaluate<boolean>('window.posthog?.__loaded === true'))
      await sluice.until('the recorder', () =>
        page.evaluate<boolean>(`window.posthog.sessionRecording?.status === 'active'`),
      )
      const sentByHand = await visit(page)
      const sessionId = await page.evaluate<string>('window.posthog.get_session_id()')
      // A visitor stays for longer than posthog-js gathers (3 s). What a page still sends while it is being left has no second try,
      // and browsers take no more than 64 KiB of it.
      await arrived(sluice, shop, { 'looked around': sentByHand, $autocapture: clicks, $identify: 1, $pageview: 1 })
      // The last words go out with sendBeacon.
      await page.goto('about:blank')
      await arrived(sluice, shop, { 'at the end': 1, $pageleave: 1 })
      await sluice.settled()
      await assertStoredOnce(sluice, sentByHand)
      assert.ok((await snapshotsOf(sluice, sessionId)) > clicks, 'Each click changed the page.')

      assert.deepEqual(shop.complaints, [])
      assert.ok(shop.asked.includes(`/array/${sluice.token}/config.js`))
      assert.equal(shop.asked.includes('/static/array.js'), bundling === 'snippet')
      assert.ok(shop.asked.some((path) => /^\/static\/.*posthog-recorder\.js$/.test(path)))
    })
  }
})

/** Waits until there are so many of each event at least; says what the browser met when they do not come. */
async function arrived(
  sluice: Installation,
  { asked, complaints }: Shop,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  let found = new Map<string, number>()
  const condition = async (): Promise<boolean> => {
    const { rows } = await sluice.ask(`SELECT event, count() FROM events GROUP BY event`)
    found = new Map(rows.map(([event, count]): [string, number] => [String(event), Number(count)]))
    return Object.entries(expected).every(([event, count]) => (found.get(event) ?? 0) >= count)
  }
  const why = (): string => JSON.stringify({ expected, found: Object.fromEntries(found), complaints, asked })
  await until('what the page reported', condition, why)
}

/** What a visitor does. Gives how many events of its own the page captured. */
async function visit(page: Page): Promise<number> {
  // As text: nothing here knows the words of a browser.
  await page.evaluate(`document.getElementById('buy').addEventListener('click', () => {
    const entry = document.createElement('li')
    entry.textContent = 'bought ' + performance.now()
    document.getElementById('list').append(entry)
  })`)
  await page.evaluate(`window.posthog.identify('ada@example.com', { plan: 'free' })`)
  for (let n = 0; n < clicks; n++) {
    await page.click('#buy')
    await page.evaluate(`window.posthog.capture('looked around', { number: ${String(n)}, text: 'Grüße 😀' })`)
  }
  await page.fill('#search', 'something')
  await page.evaluate(`window.addEventListener('beforeunload', () => window.posthog.capture('at the end'))`)
  return clicks
}

async function assertStoredOnce(sluice: Installation, sentByHand: number): Promise<void> {
  const { rows } = await sluice.ask(
    `SELECT event, count(), uniqExact(uuid), any(JSONExtractString(properties, '$lib')) FROM events
    WHERE event NOT LIKE '$$%' GROUP BY event ORDER BY event`,
  )
  const byName = new Map(rows.map(([event, count, ids, lib]) => [event, [Number(count), Number(ids), lib]]))
  for (const name of ['$identify', '$pageleave', '$pageview', 'at the end'])
    assert.deepEqual(byName.get(name), [1, 1, 'web'], name)
  assert.deepEqual(byName.get('looked around'), [sentByHand, sentByHand, 'web'])
  const [autocaptured, ids] = byName.get('$autocapture') ?? [0, 0]
  assert.ok(Number(autocaptured) >= clicks && autocaptured === ids, String(autocaptured))

  const numbers = await sluice.ask(
    `SELECT uniqExact(JSONExtractInt(properties, 'number')), uniqExact(distinct_id), any(distinct_id),
    any(JSONExtractString(properties, 'text')), uniqExact(JSONExtractString(properties, '$session_id'))
    FROM events WHERE event = 'looked around'`,
  )
  const [seen, people, who, text, sessions] = numbers.rows[0] ?? []
  assert.deepEqual(
    [Number(seen), Number(people), who, text, Number(sessions)],
    [sentByHand, 1, 'ada@example.com', 'Grüße 😀', 1],
  )
}

/** How many snapshots of the session are there, by the API. */
async function snapshotsOf(sluice: Installation, sessionId: string): Promise<number> {
  const headers = { authorization: `Bearer ${sluice.personalKey}` }
  const listed = await sluice.until('the recording', async () => {
    const { status, text } = await sluice.send('/api/projects/1/recordings', { headers })
    assert.equal(status, 200, text)
    const { recordings } = JSON.parse(text) as {
      readonly recordings: readonly { readonly id: string; readonly snapshot_count: number }[]
    }
    return recordings.find(({ id, snapshot_count: count }) => id === sessionId && count > clicks)
  })
  const { status, text } = await sluice.send(`/api/projects/1/recordings/${listed.id}/snapshots`, { headers })
  assert.equal(status, 200, text)
  const { batches } = JSON.parse(text) as { readonly batches: readonly { readonly snapshots: readonly unknown[] }[] }
  return batches.reduce((sum, { snapshots }) => sum + snapshots.length, 0)
}
