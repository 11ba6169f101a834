/** The command as it is run, against the core's HTTP on the socket where a running Sluice has it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openTestCore } from '../app/http/core-http.fixtures.ts'
import type { TestCore } from '../app/http/core-http.fixtures.ts'
import { roleSocket } from '../app/supervisor/data-folder.ts'
import { removeProcessesFile, writeProcessesFile } from '../app/supervisor/processes-file.ts'
import { listAuditLines } from '../stores/state/audit-log.ts'
import { quotaKey } from '../stores/state/door-policy.ts'
import { whoRunsThis } from './who-runs-this.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
let core: TestCore
let folder: string

before(async () => {
  core = await openTestCore({ limitsMax: 2 })
  folder = mkdtempSync(join(tmpdir(), 'sluice-limits-'))
  mkdirSync(join(folder, 'run'))
  await core.http.listen({ path: join(folder, roleSocket.core) })
  isRunning()
})
after(async () => {
  await core.close()
  rmSync(folder, { recursive: true, force: true })
})

/** This process stands for the supervisor, which the command looks for. */
function isRunning(): void {
  const self = { role: 'supervisor', state: 'ready', pid: process.pid, port: null, startedAt: '', restarts: 0 } as const
  writeProcessesFile(folder, 'http://127.0.0.1:1', [self])
}

function limits(...words: readonly string[]) {
  return new Promise<{ readonly code: unknown; readonly out: string; readonly err: string }>((resolve) => {
    const env = { SLUICE_DATA_DIR: folder }
    execFile(process.execPath, [main, 'limits', ...words], { env, timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : error.code, out, err })
    })
  })
}

const project = () => String(core.own.projectId)

describe('`sluice limits`', () => {
  it('sets a limit, shows how much of it is used, changes it and removes it', async () => {
    assert.match((await limits('list')).out, /^There are no limits\.$/m)
    const words = ['set', '--project', project(), '--event', '@events']
    const made = await limits(...words, '--quota', '1000/month', '--rate', '500/s', '--burst', '2000')
    assert.equal(made.code, 0, made.err)
    core.uses.now = [{ key: quotaKey(core.own.token, '@events', 'month', Date.now()), used: 41 }]
    const listed = await limits('list', '--project', project())
    assert.match(listed.out, /each +@events +1000\/month +500\/s, burst 2000 +41$/m)

    const changed = await limits(...words, '--quota', 'none', '--json')
    assert.equal(changed.code, 0, changed.err)
    const [limit] = JSON.parse(changed.out) as readonly { readonly id: string }[]
    const rate = { events_per_second: 500, burst_events_max: 2000 }
    assert.partialDeepStrictEqual(limit, { project: core.own.projectId, quota: null, rate })
    const removed = await limits('remove', limit?.id ?? '')
    assert.equal(removed.code, 0, removed.err)
    assert.match((await limits('list')).out, /^There are no limits\.$/m)
  })

  it('leaves a line of the audit log with the name of who ran it', async () => {
    const filter = { projectId: core.own.projectId, beforeId: undefined, limit: 3 }
    const lines = await listAuditLines(core.sql, core.own.organizationId, filter)
    assert.deepEqual(
      lines.map(({ action, actorKind, actorId }) => [action, actorKind, actorId]),
      ['limit.removed', 'limit.changed', 'limit.created'].map((action) => [action, 'cli', whoRunsThis()]),
    )
  })

  it('says what is wrong, and what the core refuses', async () => {
    const set = (...words: readonly string[]) => limits('set', '--quota', '1/day', ...words)
    for (const [answer, said] of [
      [await limits(), /What about limits\?\nUsage:/],
      [await set('--project', '77', '--event', 'a'), /no project 77/],
      [await set('--project', project(), '--event', '@evnts'), /@evnts is no resource; there are @events/],
      [await set('--project', project(), '--event', 'a', '--token', core.other.token), /no such token/],
      [await limits('remove', '018f0000-0000-7000-8000-000000000000'), /no limit 018f0000/],
      [await limits('list', '--project', '77'), /no project 77/],
    ] as const) {
      assert.deepEqual([answer.code, answer.out], [2, ''], answer.err)
      assert.match(answer.err, said)
    }
  })

  it('takes an event that is called like a command', async () => {
    const { code, err } = await limits('set', '--project', project(), '--event', 'limits', '--rate', '1/s')
    assert.equal(code, 0, err)
    assert.match((await limits('list')).out, /each +limits +– +1\/s, burst 1 +–$/m)
  })

  it('says so when nothing runs on the folder', async () => {
    removeProcessesFile(folder)
    const { code, err } = await limits('list')
    isRunning()
    assert.equal(code, 2)
    assert.match(err, /does not run on/)
  })
})
