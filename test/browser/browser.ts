/**
 * A Chromium for tests: the one that SLUICE_TEST_CHROMIUM names, else one on the PATH, else the one of the package
 * @sparticuz/chromium, which is unpacked once into `.sluice/`.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { delimiter, dirname, join, resolve } from 'node:path'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'
import type { Ending } from '../harness/installation.ts'

const root = resolve(import.meta.dirname, '..', '..')
const names = ['chromium', 'chromium-browser', 'google-chrome']

/** Closed with the test. `args`: of the command line, beside those that every test needs. */
export async function aBrowser(ending: Ending, args: readonly string[] = []): Promise<Browser> {
  const browser = await chromium.launch({
    ...(await found()),
    // Who runs tests as root has no sandbox; what is opened is our own.
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none', ...args],
  })
  ending.after(() => browser.close())
  return browser
}

interface Found {
  readonly executablePath: string
  readonly env?: Record<string, string>
}

async function found(): Promise<Found> {
  const named = process.env['SLUICE_TEST_CHROMIUM']
  if (named !== undefined && named !== '') return { executablePath: named }
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const installed = folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file))
  return installed === undefined ? await unpacked() : { executablePath: installed }
}

/** Test files run side by side, so each unpacks into a folder of its own and the first to be done keeps its. */
async function unpacked(): Promise<Found> {
  const packageFile = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  const { default: packed, inflate } = await import('@sparticuz/chromium')
  const bin = resolve(dirname(packageFile), '..', 'bin')
  const place = join(root, '.sluice', 'chromium')
  if (!existsSync(place)) {
    mkdirSync(dirname(place), { recursive: true })
    const own = mkdtempSync(join(root, '.sluice', 'chromium-'))
    const before = process.env['TMPDIR']
    process.env['TMPDIR'] = own
    await packed.executablePath(bin)
    // The libraries for machines that lack them.
    await inflate(join(bin, 'al2023.tar.br'))
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
    try {
      renameSync(own, place)
    } catch {
      rmSync(own, { recursive: true, force: true })
    }
  }
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  if (!existsSync('/etc/fonts/fonts.conf')) env['FONTCONFIG_PATH'] = join(place, 'fonts')
  if (!existsSync('/usr/lib/x86_64-linux-gnu/libnss3.so')) env['LD_LIBRARY_PATH'] = join(place, 'al2023', 'lib')
  return { executablePath: join(place, 'chromium'), env }
}
