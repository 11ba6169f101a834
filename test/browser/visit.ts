/** What somebody with a browser does at the console, and what may never happen meanwhile. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import axe from 'axe-core'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core'

export const password = 'a-long-password-for-tests'
const patienceMs = 30_000

/** Builds the console unless it is built from the present sources. */
export async function builtConsole(): Promise<void> {
  const root = resolve(import.meta.dirname, '..', '..')
  const child = spawn(process.execPath, [resolve(root, 'scripts', 'build-console.js')], { cwd: root, stdio: 'inherit' })
  const [code] = (await once(child, 'close')) as [number | null]
  assert.equal(code, 0, 'The console could not be built.')
}

export interface Visit {
  readonly context: BrowserContext
  readonly page: Page
  /** What the page complained about: scripts that failed, resources that the content security policy forbade. */
  readonly complaints: readonly string[]
}

/** A browser of its own, as far as cookies and storage go. Closed with the browser. */
export async function aVisit(browser: Browser, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
    ...options,
  })
  context.setDefaultTimeout(patienceMs)
  const complaints: string[] = []
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message))
  page.on('console', (message) => {
    // Answers like 401 before signing in are the page's business; the browser notes each.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complaints.push(message.text())
    }
  })
  return { context, page, complaints }
}

export async function signIn(page: Page, url: string, secret = password): Promise<void> {
  await page.goto(url)
  await page.getByLabel('Login').fill('admin')
  await page.getByLabel(/^Password/).fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByLabel('Login').waitFor({ state: 'hidden' })
}

/** To another page by the navigation, wherever it is for this width. */
export async function goTo(page: Page, name: string): Promise<void> {
  const menu = page.getByRole('button', { name: 'Menu' })
  if (await menu.isVisible()) await menu.click()
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click()
}

/** What axe-core finds on the page as it is shown now and calls serious or critical, as lines. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate<AxeResults['violations']>(
    `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  )
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) =>
      nodes.map(
        ({ target, failureSummary = '' }) =>
          `${id}: ${help}: ${target.join(' ')} (${failureSummary.replaceAll('\n', ' ')})`,
      ),
    )
}
