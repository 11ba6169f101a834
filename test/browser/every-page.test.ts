/** Every page of the console with realistic data: at both widths, in both schemes, by keyboard, behind a prefix. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Browser, Locator, Page } from 'playwright-core'
import { anInstallation } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'
import { embedded, profiles } from '../harness/profiles.ts'
import type { TestedProfile } from '../harness/profiles.ts'
import { chanceOf } from '../harness/seed.ts'
import { aBrowser } from './browser.ts'
import { someWeeks } from './some-weeks.ts'
import type { SentEvent } from './some-weeks.ts'
import { aVisit, builtConsole, password, seriousFindings, signIn } from './visit.ts'

const firstLoadBytesMax = 250_000
/** What the pages say follows from what the core answers; how they are drawn does not, so one width and scheme each will do on the second profile. */
const looksOf = {
  embedded: [
    [1280, 'light'],
    [1280, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ],
  cluster: [
    [1280, 'light'],
    [390, 'dark'],
  ],
} as const

for (const profile of profiles) {
  describe(`the pages of the console, ${profile.where}`, { skip: profile.skip }, () => {
    let sluice: Installation
    let browser: Browser
    let events: readonly SentEvent[]
    let state: Awaited<ReturnType<Awaited<ReturnType<typeof aVisit>>['context']['storageState']>>
    const cleanings: (() => Promise<void>)[] = []
    const ending = { after: (clean: () => Promise<void>) => void cleanings.push(clean) }

    before(async () => {
      await builtConsole()
      sluice = await anInstallation(ending, { SLUICE_CONSOLE_PASSWORD: password }, profile)
      await sluice.start()
      browser = await aBrowser(ending)
      events = someWeeks(chanceOf(14), new Date())
      await sent(sluice, events)
      await sluice.capture([{ event: 'fine', distinct_id: 'user-1' }, { event: 'nobody did this' }])
      await sluice.settled()
      const { page, context } = await aVisit(browser)
      await signIn(page, sluice.url)
      await page.getByRole('heading', { level: 1 }).waitFor()
      state = await context.storageState()
      await context.close()
    })
    after(async () => {
      for (const clean of cleanings.reverse()) await clean()
      removePictures(profile)
    })

    // Two at a time, as there are two schemes: most of it is waiting for answers.
    describe('have no serious finding of axe and no sideways scrolling', { concurrency: 2 }, () => {
      for (const [width, colorScheme] of looksOf[profile.name]) {
        it(`${String(width)} px wide, ${colorScheme}`, async () => {
          const options = { viewport: { width, height: width === 390 ? 844 : 900 }, colorScheme }
          const look = async (page: Page, name: string): Promise<readonly string[]> => {
            await page.evaluate('scrollTo(0, 0)')
            await page.screenshot({
              path: join(picturesFolder(profile), `${name}-${String(width)}-${colorScheme}.png`),
            })
            return [...(await seriousFindings(page)), ...(await sidewaysFindings(page))].map((one) => `${name}: ${one}`)
          }
          const stranger = await aVisit(browser, options)
          await stranger.page.goto(sluice.url)
          await stranger.page.getByLabel('Login').waitFor()
          const findings = [...(await look(stranger.page, 'login'))]
          const { page, complaints } = await aVisit(browser, { ...options, storageState: state })
          for (const [name, address, isThere] of pages(events, sluice)) {
            await page.goto(`${sluice.url}/#${address}`)
            await isThere(page)
            findings.push(...(await look(page, name)))
          }
          await Promise.all([stranger.context.close(), page.context().close()])
          assert.deepEqual([...findings, ...complaints, ...stranger.complaints], [])
        })
      }
    })

    it('need less than 250,000 bytes for the first load of login and start', async () => {
      const { page, context } = await aVisit(browser)
      let bytes = 0
      const session = await context.newCDPSession(page)
      await session.send('Network.enable')
      session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength))
      await signIn(page, sluice.url)
      await page.getByRole('heading', { level: 1, name: 'Send events' }).waitFor()
      await page.getByRole('tab', { name: 'JavaScript' }).waitFor()
      const files = await page.evaluate<string[]>('performance.getEntriesByType("resource").map((one) => one.name)')
      await context.close()
      assert.deepEqual(
        files.filter((file) => /codemirror|uplot|SqlEditor|Chart/i.test(file)),
        [],
      )
      assert.ok(bytes > 0 && bytes < firstLoadBytesMax, `${String(bytes)} bytes`)
    })

    it('let somebody with a keyboard alone reach an event and open it', async () => {
      const { page, context } = await aVisit(browser, { storageState: state })
      await page.goto(sluice.url)
      await page.getByRole('heading', { level: 1 }).waitFor()
      const nav = page.getByRole('navigation', { name: 'Pages' })
      await tabTo(page, nav.getByRole('link', { name: 'Events' }))
      await page.keyboard.press('Enter')
      const first = page.getByRole('region', { name: 'Events, newest first' }).getByRole('button').first()
      await first.waitFor()
      await tabTo(page, first)
      await page.keyboard.press('Enter')
      const dialog = page.getByRole('dialog')
      await dialog.waitFor()
      await dialog.getByText('distinct id', { exact: false }).first().waitFor()
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'hidden' })
      await context.close()
    })

    it('leave the last answer of Health standing while the core is away, and say so', async () => {
      const { page, context } = await aVisit(browser, { storageState: state })
      await page.goto(`${sluice.url}/#/health`)
      const ingestion = page.locator('[data-station=ingestion]')
      await ingestion.waitFor()
      await page.route('**/api/pipeline', (route) => route.fulfill({ status: 503, body: '' }))
      await page.getByText('The core does not answer').waitFor()
      assert.ok(await ingestion.isVisible())
      assert.deepEqual(await seriousFindings(page), [])
      await page.unroute('**/api/pipeline')
      await page.getByText('The core does not answer').waitFor({ state: 'hidden' })
      await context.close()
    })

    it('stop a question in SQL when asked to, and mark what the server does not understand', async () => {
      const { page, context } = await aVisit(browser, { storageState: state })
      await page.goto(`${sluice.url}/#/projects/1/sql`)
      // Never answered: only hanging up ends it.
      await page.route('**/api/projects/1/sql', () => undefined)
      await page.getByRole('button', { name: 'Events a day' }).click()
      await page.getByRole('button', { name: 'Run' }).click()
      await page.getByRole('button', { name: 'Cancel' }).click()
      await page.getByText('Cancelled').waitFor()
      await page.unroute('**/api/projects/1/sql')
      await page.getByLabel('Question in SQL').click()
      await page.keyboard.press('Control+A')
      await page.keyboard.insertText('SELECT event FORM events')
      await page.keyboard.press('Control+Enter')
      await page.getByText('The question could not be answered').waitFor()
      await page.locator('.cm-complaint').waitFor()
      assert.deepEqual(await seriousFindings(page), [])
      await context.close()
    })

    it('work behind the prefix of a proxy: assets, login and the live feed', async (test) => {
      const prefixed = await aProxy(test, sluice.url)
      const { page, context, complaints } = await aVisit(browser)
      await signIn(page, prefixed)
      await page.getByRole('heading', { level: 1, name: 'Send events' }).waitFor()
      assert.ok(page.url().startsWith(prefixed), page.url())
      await page.getByText(prefixed.replace(/\/$/, '')).first().waitFor()
      await page.goto(`${prefixed}#/projects/1/live`)
      await page.getByText('Connected').first().waitFor()
      await sluice.capture([{ event: 'through the proxy', distinct_id: 'me' }])
      await page.getByText('through the proxy').first().waitFor()
      assert.deepEqual(complaints, [])
      await context.close()
    })
  })
}

/** Name of the picture, address behind the hash, and what shows that the page is there with its data. */
type PageToSee = readonly [string, string, (page: Page) => Promise<unknown>]

function pages(events: readonly SentEvent[], sluice: Installation): readonly PageToSee[] {
  const event = events.at(-1)
  assert.ok(event !== undefined)
  const project = '/projects/1'
  const shown = (text: string | RegExp) => (page: Page) => page.getByText(text).first().waitFor()
  const region = (name: string) => (page: Page) => page.getByRole('region', { name }).waitFor()
  const range = { amount: 14, unit: 'day' }
  const insight = (kind: string, question: object): string =>
    `${project}/insights?kind=${kind}&q=${encodeURIComponent(JSON.stringify({ ...question, range, timezone: 'UTC' }))}`
  const question = `SELECT toDate(timestamp) AS day, event, count() AS events FROM events GROUP BY day, event ORDER BY day`
  return [
    ['start', `${project}/start`, shown('Events are arriving')],
    [
      'live',
      `${project}/live`,
      async (page) => {
        await page.getByText('Connected').waitFor()
        await sluice.capture(
          events.slice(-12).map(({ event, distinct_id, properties }) => ({ event, distinct_id, properties })),
        )
        await page.getByText('order paid').first().waitFor()
      },
    ],
    [
      'events',
      `${project}/events`,
      (page) =>
        page
          .getByRole('button', { name: /^(\$pageview|signed up|order paid)$/ })
          .first()
          .waitFor(),
    ],
    [
      'event',
      `${project}/events?open=${event.uuid}`,
      (page) => page.getByRole('dialog').getByText(event.uuid).first().waitFor(),
    ],
    ['journey', `${project}/events/${event.uuid}`, shown('What happened')],
    [
      'trend',
      insight('trend', { series: [{ event: '$pageview', math: 'total' }], interval: 'day' }),
      shown('The numbers as a table'),
    ],
    [
      'funnel',
      insight('funnel', { steps: [{ event: '$pageview' }, { event: 'signed up' }, { event: 'order paid' }] }),
      region('The funnel in numbers'),
    ],
    [
      'retention',
      insight('retention', { start: { event: 'signed up' }, return: {}, interval: 'day', periods: 8 }),
      region('Retention'),
    ],
    [
      'sql',
      `${project}/sql?query=${encodeURIComponent(question)}`,
      async (page) => {
        await page.getByRole('button', { name: 'Run' }).click()
        await page.getByRole('region', { name: 'Rows of the answer' }).waitFor()
        await page.getByText('Chart', { exact: true }).click()
        await page.locator('.u-wrap').waitFor()
      },
    ],
    [
      'health',
      '/health',
      async (page) => {
        await page.getByText('Everything is well').waitFor()
        await page.getByRole('button', { name: 'Show the newest' }).click()
        await region('Newest dead letters')(page)
        await page.getByText('What the counts mean').click()
      },
    ],
    ['settings', '/settings', (page) => page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor()],
  ]
}

const pictures = new Map<TestedProfile, string>()

/** Into the documentation only when asked for: pictures differ by a pixel here and there each time. */
function picturesFolder(profile: TestedProfile): string {
  const known = pictures.get(profile)
  if (known !== undefined) return known
  const inDocs = resolve(import.meta.dirname, '..', '..', 'docs', 'pictures')
  const isForDocs = profile === embedded && process.env['SLUICE_WRITE_PICTURES'] === '1'
  if (isForDocs) mkdirSync(inDocs, { recursive: true })
  const folder = isForDocs ? inDocs : mkdtempSync(join(tmpdir(), 'sluice-pictures-'))
  pictures.set(profile, folder)
  return folder
}

function removePictures(profile: TestedProfile): void {
  const folder = pictures.get(profile)
  const isKept = process.env['SLUICE_WRITE_PICTURES'] === '1' || process.env['SLUICE_TEST_KEEP'] === '1'
  if (folder !== undefined && !isKept) rmSync(folder, { recursive: true, force: true })
  else process.stdout.write(`Pictures: ${folder ?? 'none'}\n`)
}

async function sent(sluice: Installation, events: readonly SentEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += 500) {
    const { status, text } = await sluice.capture(events.slice(from, from + 500))
    assert.equal(status, 200, text)
  }
}

async function sidewaysFindings(page: Page): Promise<readonly string[]> {
  const tooWide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  return tooWide > 0 ? [`the page is ${String(tooWide)} px wider than the window`] : []
}

async function tabTo(page: Page, place: Locator): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if ((await place.and(page.locator(':focus')).count()) > 0) return
    await page.keyboard.press('Tab')
  }
  assert.fail('The Tab key does not get there.')
}

/** What many people have in front: everything below /sluice/ goes on without the prefix. */
async function aProxy(ending: { after(clean: () => Promise<void>): void }, target: string): Promise<string> {
  const server = createServer((asked, answer) => {
    const path = /^\/sluice(\/.*)$/.exec(asked.url ?? '')?.[1]
    if (path === undefined) {
      answer.writeHead(404).end()
      return
    }
    const passed = request(`${target}${path}`, { method: asked.method, headers: asked.headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      response.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    answer.on('close', () => passed.destroy())
    asked.pipe(passed)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.after(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/sluice/`
}
