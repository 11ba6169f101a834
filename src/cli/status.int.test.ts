import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Status } from './status.ts'

const main = fileURLToPath(new URL('../main.ts', import.meta.url))
const fixture = fileURLToPath(new URL('../app/supervisor/supervised.fixtures.ts', import.meta.url))

/** How to end what runs on a folder. */
const running = new Map<string, (() => Promise<unknown>)[]>()

function aFolder(test: TestContext): string {
  // Longer than a socket's path may be.
  const folder = mkdtempSync(join(tmpdir(), `sluice-status-${'x'.repeat(100)}-`))
  test.after(async () => {
    for (const end of running.get(folder) ?? []) await end()
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return folder
}

function sluice(folder: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
    encoding: 'utf8',
    env: { SLUICE_DATA_DIR: folder },
  })
  return { code: status, stdout, stderr }
}

async function run(folder: string): Promise<void> {
  const environment = JSON.stringify({ SLUICE_DATA_DIR: folder, SLUICE_PORT: '0' })
  const supervisor = spawn(process.execPath, [fixture, environment], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(supervisor, 'close')
  running.set(folder, [
    () => {
      supervisor.kill('SIGKILL')
      return closed
    },
  ])
  let said = ''
  for await (const text of supervisor.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    said += String(text)
    if (said.includes('\nready ')) break
  }
  supervisor.stdout.resume()
}

describe('the status', () => {
  it('is one JSON object with processes, lanes and books while Sluice runs', async (test) => {
    const folder = aFolder(test)
    await run(folder)
    const { code, stdout } = sluice(folder, 'status', '--json')
    const status = JSON.parse(stdout) as Status
    assert.equal(code, 0)
    assert.deepEqual(
      status.processes.map(({ role, state }) => [role, state]),
      [
        ['supervisor', 'ready'],
        ['edge', 'ready'],
        ['core', 'ready'],
      ],
    )
    for (const { memoryBytes, cpuSeconds, pid } of status.processes) {
      assert.ok(
        pid !== null && memoryBytes !== null && memoryBytes > 1024 * 1024 && cpuSeconds !== null && cpuSeconds > 0,
      )
    }
    assert.match(status.url ?? '', /^http:\/\/127\.0\.0\.1:\d+$/)
    assert.equal(status.lanes[0]?.partitions[0]?.readers[0]?.lag, 2)
    assert.deepEqual(status.books, { ingestion: { decided: 5 } })
    assert.deepEqual(Object.keys(status.silent), ['edge'])
  })

  it('is a readable table', async (test) => {
    const folder = aFolder(test)
    await run(folder)
    const { code, stdout } = sluice(folder, 'status')
    assert.equal(code, 0)
    assert.match(stdout, /^ {2}edge +ready +\d+ +\d+ +\d+ MiB +[\d.]+ s +0 /m)
    assert.match(stdout, /^ {2}0 +7 +warehouse +5 +2 +40 ms$/m)
    assert.match(stdout, /^ {2}ingestion +\{"decided":5\}$/m)
  })

  it('says that nothing runs, and leaves with 1', (test) => {
    const folder = aFolder(test)
    const { code, stdout } = sluice(folder, 'status')
    assert.equal(code, 1)
    assert.match(stdout, /does not run on/)
    const { running } = JSON.parse(sluice(folder, 'status', '--json').stdout) as Status
    assert.equal(running, false)
  })
})

describe('the health', () => {
  it('names the role that does not answer, and leaves with 1', async (test) => {
    const folder = aFolder(test)
    await run(folder)
    const { code, stdout } = sluice(folder, 'health')
    assert.equal(code, 1)
    // The core of the fixture answers, its edge has no socket.
    assert.match(stdout, /^The edge does not answer \([^\n]+\n$/)
  })

  it('says that nothing runs, and leaves with 1', (test) => {
    const { code, stdout } = sluice(aFolder(test), 'health')
    assert.equal(code, 1)
    assert.match(stdout, /^Nothing runs on /)
  })
})

describe('the command line as a whole', () => {
  it('lists every problem with the settings and leaves with 1', (test) => {
    const folder = aFolder(test)
    const { status, stderr } = spawnSync(process.execPath, [main, 'status'], {
      encoding: 'utf8',
      cwd: folder,
      env: { SLUICE_PORT: '-1', SLUICE_PROT: '1' },
    })
    assert.equal(status, 1)
    assert.match(stderr, /^sluice: The settings are not usable:\n {2}- SLUICE_PORT.*\n {2}- SLUICE_PROT /)
  })

  it('prints help and the version', (test) => {
    const folder = aFolder(test)
    assert.match(sluice(folder, '--help').stdout, /Usage: sluice <command>[^]*SLUICE_PORT/)
    assert.match(sluice(folder, '--version').stdout, /^\d+\.\d+\.\d+\n$/)
  })

  it('refuses a settings file that is not there', (test) => {
    const { code, stderr } = sluice(aFolder(test), 'start', '--config', '/nowhere/sluice.yaml')
    assert.equal(code, 1)
    assert.match(stderr, /\/nowhere\/sluice\.yaml cannot be read/)
  })
})
