/** The published clients as their users run them: both send, and both say whether everything was acknowledged. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { PostHog } from 'posthog-node'
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

export interface Sending {
  readonly count: number
  /** About how long to take. */
  readonly seconds: number
}

/** Resolves once the client's last event was acknowledged; rejects when one was not. */
export async function sendWithNode({ url, token }: Installation, { count, seconds }: Sending): Promise<void> {
  const burst = 200
  const errors: unknown[] = []
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
  client.on('error', (error: unknown) => errors.push(error))
  for (let number = 0; number < count; number++) {
    const properties = { number, of: count, text: 'Grüße 😀' }
    client.capture({ distinctId: `node-${String(number % 100)}`, event: 'from node', properties })
    if (number % burst !== burst - 1) continue
    await sleep((seconds * 1000 * burst) / count)
    // The queue drops its oldest event when it is full.
    if (number % 5000 === 4999) await client.flush()
  }
  await client.flush()
  await client.shutdown()
  assert.deepEqual(errors, [])
}

export async function sendWithPython({ url, token }: Installation, { count, seconds }: Sending): Promise<void> {
  const python = pythonWithPosthog()
  assert.ok(python !== undefined, 'There is no Python with the package posthog.')
  const script = join(import.meta.dirname, 'send-with-python.py')
  const { stdout } = await promisify(execFile)(python, [script, url, token, String(count), String(seconds)])
  assert.deepEqual(JSON.parse(stdout), { captured: count, errors: [] })
}
