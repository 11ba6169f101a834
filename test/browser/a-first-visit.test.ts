/** The way of somebody who has just started Sluice, from the first login to signing out. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import type { Page } from 'playwright-core'
import { aRunningSluice } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'
import { profiles } from '../harness/profiles.ts'
import { aBrowser } from './browser.ts'
import { aVisit, builtConsole, goTo, password, signIn } from './visit.ts'

for (const profile of profiles) {
  const title = `somebody new signs in, sends an event, follows it, asks about it, and signs out, ${profile.where}`
  it(title, { skip: profile.skip }, async (test) => {
    await builtConsole()
    const sluice = await aRunningSluice(test, {}, profile)
    const { page, complaints } = await aVisit(await aBrowser(test))

    await choosesAPassword(page, sluice)
    await sendsWhatTheStartPageShows(page, sluice)
    await seesItLive(page, sluice)
    await followsItsJourney(page)
    await asksForInsights(page, sluice)
    await asksInSql(page, sluice)
    await looksAtHealth(page, sluice)
    await changesSettings(page, sluice)

    await page.getByRole('button', { name: 'Sign out' }).first().click()
    await page.getByLabel('Login').waitFor()
    assert.deepEqual(complaints, [])
  })
}

async function choosesAPassword(page: Page, sluice: Installation): Promise<void> {
  const oneTime = /First login\s+admin, (\S+)/.exec(sluice.said())?.[1]
  assert.ok(oneTime !== undefined, sluice.said())
  await signIn(page, sluice.url, oneTime)
  await page.getByRole('heading', { name: 'Choose a password' }).waitFor()
  const fields = page.locator('input[type=password]')
  for (const [place, text] of [oneTime, password, password].entries()) await fields.nth(place).fill(text)
  await page.locator('button[type=submit]').click()
  await page.getByRole('heading', { level: 1, name: 'Send events' }).waitFor()
}

/** The shown command is taken apart rather than run: a machine may have no curl. */
async function sendsWhatTheStartPageShows(page: Page, sluice: Installation): Promise<void> {
  await page.getByText('Waiting for the first event').waitFor()
  await page.getByRole('tab', { name: 'curl' }).click()
  const code = await page.getByRole('region', { name: 'the curl code' }).innerText()
  const url = /https?:\/\/[^\s'"]+/.exec(code)?.[0]
  const body = /'(\{[^']*\})'/s.exec(code)?.[1]
  assert.ok(url?.startsWith(sluice.url) === true && body !== undefined && body.includes(sluice.token), code)
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  assert.equal(answer.status, 200, await answer.text())
  await page.getByText('The first event is here').waitFor()
}

async function seesItLive(page: Page, sluice: Installation): Promise<void> {
  await goTo(page, 'Live')
  await page.getByText('Connected').waitFor()
  const { status, text } = await sluice.capture([
    { event: 'looked around', distinct_id: 'ada', properties: { step: 1 } },
  ])
  assert.equal(status, 200, text)
  await page.getByText('looked around').first().waitFor()
}

async function followsItsJourney(page: Page): Promise<void> {
  await goTo(page, 'Events')
  const row = page.getByRole('region', { name: 'Events, newest first' }).getByRole('button', { name: 'looked around' })
  // The table is a second or two behind the feed, and the list asks again by itself.
  await page.getByRole('switch', { name: /Refresh/ }).check()
  await row.click()
  await page.getByRole('dialog').getByRole('link', { name: 'How it came into the table' }).click()
  await page.getByRole('heading', { level: 1, name: 'Journey of an event' }).waitFor()
  await page.getByText('What happened').waitFor()
  for (const stage of ['door', 'ingestion', 'warehouse', 'table']) {
    await page.getByText(new RegExp(stage, 'i')).first().waitFor()
  }
}

const funnelUsers = { 'step one': 5, 'step two': 3, 'step three': 1 }

async function asksForInsights(page: Page, sluice: Installation): Promise<void> {
  const hourAgoMs = Date.now() - 3_600_000
  const events = Object.entries(funnelUsers).flatMap(([event, users], step) =>
    Array.from({ length: users }, (_, user) => ({
      event,
      distinct_id: `walker-${String(user)}`,
      timestamp: new Date(hourAgoMs + step * 60_000).toISOString(),
    })),
  )
  assert.equal((await sluice.capture(events)).status, 200)
  await sluice.settled()
  const range = { amount: 7, unit: 'day' }
  const ask = (kind: string, question: object): Promise<unknown> => {
    const q = encodeURIComponent(JSON.stringify({ ...question, range, timezone: 'UTC' }))
    return page.goto(`${sluice.url}/#/projects/1/insights?kind=${kind}&q=${q}`)
  }

  await ask('funnel', { steps: Object.keys(funnelUsers).map((event) => ({ event })), window_seconds: 86_400 })
  const numbers = page.getByRole('region', { name: 'The funnel in numbers' })
  await numbers.waitFor()
  const row = await numbers.locator('tbody tr').first().innerText()
  assert.deepEqual([...row.matchAll(/(?<![\d.])\d+(?![\d.%])/g)].map(Number).slice(0, 3), [5, 3, 1], row)

  await ask('trend', { series: [{ event: 'step one', math: 'total' }], interval: 'day' })
  const totals = page.getByRole('region', { name: 'Totals' })
  await totals.waitFor()
  assert.match(await totals.innerText(), /step one\s+5\b/)

  await ask('retention', { start: { event: 'step one' }, return: { event: 'step two' }, interval: 'day', periods: 3 })
  const retention = page.getByRole('region', { name: 'Retention' })
  await retention.waitFor()
  assert.match(await retention.innerText(), /\b5\s+60\s?%/)
}

async function asksInSql(page: Page, sluice: Installation): Promise<void> {
  await page.goto(`${sluice.url}/#/projects/1/sql`)
  await page.getByLabel('Question in SQL').click()
  await page.keyboard.insertText(
    "SELECT event, count() AS n FROM events WHERE event LIKE 'step %' GROUP BY event ORDER BY n DESC",
  )
  await page.keyboard.press('Control+Enter')
  await page.getByRole('region', { name: 'Rows of the answer' }).waitFor()
  const coming = page.waitForEvent('download')
  await page.getByRole('button', { name: 'CSV' }).click()
  const file = await (await coming).path()
  assert.equal(readFileSync(file, 'utf8'), 'event,n\r\nstep one,5\r\nstep two,3\r\nstep three,1\r\n')

  await page.getByRole('button', { name: 'Save as…' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Steps')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved question: Steps').waitFor()
}

async function looksAtHealth(page: Page, sluice: Installation): Promise<void> {
  const refused = await sluice.capture([{ event: 'fine', distinct_id: 'ada' }, { event: 'nobody did this' }])
  assert.equal(refused.status, 200, refused.text)
  await goTo(page, 'Health')
  await page.getByText('Everything is well, and the books balance').waitFor()
  await page.getByRole('button', { name: 'Show the newest of this project' }).click()
  await page.getByRole('region', { name: 'Newest dead letters' }).getByRole('link').first().click()
  await page.getByRole('heading', { level: 1, name: 'Journey of an event' }).waitFor()
}

async function changesSettings(page: Page, sluice: Installation): Promise<void> {
  await goTo(page, 'Settings')
  await page.getByRole('button', { name: 'New project' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Second')
  await page.getByRole('dialog').getByRole('button', { name: 'Make the project' }).click()
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  // A new project leads to what comes next: sending to it.
  await page.getByText('the token of the project “Second”').waitFor()
  await goTo(page, 'Settings')

  await page.getByRole('tab', { name: /keys/i }).click()
  await page.getByLabel('Name').fill('a program')
  await page.getByRole('button', { name: 'Make the key' }).click()
  const key = (await page.getByRole('region', { name: 'the key' }).innerText()).trim()
  const asked = (): Promise<Response> =>
    fetch(`${sluice.url}/api/projects`, { headers: { authorization: `Bearer ${key}` } })
  assert.equal((await asked()).status, 200)
  await page.getByRole('button', { name: 'Revoke the key a program' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  assert.equal((await asked()).status, 401)
}
