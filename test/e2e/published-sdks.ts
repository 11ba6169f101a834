/** The published clients as their users run them: both send, and both say whether everything was acknowledged. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { PostHog } from 'posthog-node'
import { codeOf } from '../../src/kit/failure.ts'
import type { Installation } from '../harness/installation.ts'

const root = resolve(import.meta.dirname, '..', '..')

/** The interpreter that has the SDK; undefined when there is none. */
function pythonWithPosthog(): string | undefined {
  const python = process.env['SLUICE_TEST_PYTHON'] ?? join(root, '.sluice', 'venv', 'bin', 'python')
  return existsSync(python) ? python : undefined
}

/** Why a test cannot run, or false. SLUICE_TEST_REQUIRE_ALL=1 lets it run, and fail. */
export function skippedWithoutPython(): string | false {
  const missing = pythonWithPosthog() === undefined && process.env['SLUICE_TEST_REQUIRE_ALL'] !== '1'
  return missing ? 'no Python with the package posthog: .ci/run installs one, SLUICE_TEST_PYTHON names another' : false
}

/** Where they send: an installation, or what stands before several. */
type Door = Pick<Installation, 'url' | 'token'>

export interface Sending {
  readonly count: number
  /** About how long to take. */
  readonly seconds: number
  /** v0 when not set, as the SDKs have it. Events that went over v1 say so in their names. */
  readonly wire?: Wire
}

export type Wire = 'v0' | 'v1'

/** Resolves once the client's last event was acknowledged; rejects when one was not. */
export async function sendWithNode({ url, token }: Door, { count, seconds, wire = 'v0' }: Sending): Promise<void> {
  const burst = 200
  const errors: unknown[] = []
  const event = `from node${wire === 'v1' ? ' v1' : ''}`
  // Read when a client is made, and nowhere else.
  process.env['POSTHOG_CAPTURE_MODE'] = wire
  const client = new PostHog(token, {
    host: url,
    flushAt: 100,
    maxQueueSize: 10_000,
    flushInterval: 100,
    fetchRetryCount: 100,
    fetchRetryDelay: 100,
    // Nothing else than events is sent.
    preloadFeatureFlags: false,
  })
  delete process.env['POSTHOG_CAPTURE_MODE']
  client.on('error', (error: unknown) => errors.push(error))
  for (let number = 0; number < count; number++) {
    const properties = { number, of: count, text: 'Grüße 😀' }
    client.capture({ distinctId: `node-${String(number % 100)}`, event, properties })
    if (number % burst !== burst - 1) continue
    await sleep((seconds * 1000 * burst) / count)
    // The queue drops its oldest event when it is full.
    if (number % 5000 === 4999) await client.flush()
  }
  if (wire === 'v1') {
    client.identify({ distinctId: 'node-0', properties: { plan: 'free' } })
    client.alias({ distinctId: 'node-0', alias: 'node-zero' })
    client.groupIdentify({ groupType: 'company', groupKey: 'node-inc', properties: { size: 5 } })
  }
  await client.flush()
  await client.shutdown()
  assert.deepEqual(errors, [])
}

export async function sendWithPython({ url, token }: Door, { count, seconds, wire = 'v0' }: Sending): Promise<void> {
  const python = pythonWithPosthog()
  assert.ok(python !== undefined, 'There is no Python with the package posthog.')
  const script = join(import.meta.dirname, 'send-with-python.py')
  const { stdout } = await promisify(execFile)(python, [script, url, token, String(count), String(seconds), wire])
  assert.deepEqual(JSON.parse(stdout), { captured: count, errors: [] })
}

/** Where its installer puts it, when it is not in PATH. */
function goCommand(): string {
  const usual = '/usr/local/go/bin/go'
  const isInPath = (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, 'go')))
  return !isInPath && existsSync(usual) ? usual : 'go'
}

/** The newest version of the SDK that the module proxy has knows v0 alone. */
export async function sendWithGo({ url, token }: Door, count: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-go-'))
  try {
    const program = join(folder, 'send-with-go')
    const cwd = join(import.meta.dirname, 'send-with-go')
    // Compiling the SDK and what it stands on takes most of a minute the first time.
    await promisify(execFile)(goCommand(), ['build', '-o', program, '.'], { cwd }).catch((error: unknown) => {
      const isMissing = codeOf(error) === 'ENOENT'
      assert.fail(
        isMissing ? 'There is no Go: this test needs the command "go", 1.24 or later, in PATH.' : String(error),
      )
    })
    const { stdout } = await promisify(execFile)(program, [url, token, String(count)])
    // With an identify, an alias and a group.
    assert.deepEqual(JSON.parse(stdout), { captured: count + 3, errors: [] })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
