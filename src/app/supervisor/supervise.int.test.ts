import assert from 'node:assert/strict'
import type { ChildProcessByStdio } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ListedProcess } from './processes-file.ts'
import { isAlive, readProcessesFile } from './processes-file.ts'

const fixture = fileURLToPath(new URL('./supervised.fixtures.ts', import.meta.url))

interface Installation {
  readonly folder: string
  readonly supervisor: ChildProcessByStdio<null, Readable, Readable>
  readonly exit: Promise<readonly [code: number | null, signal: string | null]>
  said(): string
}

const started = new Map<string, Installation[]>()

/** A folder that goes away after the test, with whatever runs on it. */
function aFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-supervise-'))
  test.after(async () => {
    for (const { supervisor, exit } of started.get(folder) ?? []) {
      supervisor.kill('SIGKILL')
      await exit
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  return folder
}

/** Starts the fixture's supervisor on the folder. */
function start(folder: string, settings: Readonly<Record<string, string>> = {}): Installation {
  const environment = { SLUICE_DATA_DIR: folder, SLUICE_PORT: '0', ...settings }
  const supervisor = spawn(process.execPath, [fixture, JSON.stringify(environment)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const from of [supervisor.stdout, supervisor.stderr])
    from.setEncoding('utf8').on('data', (text: string) => (said += text))
  const exit = once(supervisor, 'close').then(
    ([code, signal]) => [code as number | null, signal as string | null] as const,
  )
  const installation = { folder, supervisor, exit, said: () => said }
  started.set(folder, [...(started.get(folder) ?? []), installation])
  return installation
}

/** Waits for a condition, and fails with what the installation said when it does not come. */
async function until<T>(installation: Installation, what: string, condition: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 3000; tries += 1) {
    const value = condition()
    if (value !== undefined && value !== false) return value
    await sleep(20)
  }
  return assert.fail(`${what} did not happen:\n${installation.said()}`)
}

const listed = ({ folder }: Installation, role: string): ListedProcess | undefined =>
  readProcessesFile(folder)?.processes.find((one) => one.role === role)

async function readyProcess(installation: Installation, role: string, restarts: number) {
  return until(installation, `${role} being ready after ${String(restarts)} restarts`, () => {
    const found = listed(installation, role)
    return found?.state === 'ready' && found.restarts === restarts ? found : undefined
  })
}

async function allReady(installation: Installation): Promise<string> {
  return until(installation, 'readiness', () => /^ready (http\S+)$/m.exec(installation.said())?.[1])
}

async function ask(url: string): Promise<number> {
  const answer = await fetch(url)
  return Number(await answer.text())
}

/** `edge.connectionsPerSourceMax`, as the edge has it by now. */
async function settingsOf(url: string): Promise<number> {
  return ask(`${url}/setting`)
}

function kill({ pid }: ListedProcess): void {
  assert.ok(pid !== null)
  process.kill(pid, 'SIGKILL')
}

const trace = (folder: string): string => readFileSync(join(folder, 'trace'), 'utf8')

describe('a supervisor', () => {
  it('starts the processes and says once where they are', async (test) => {
    const installation = start(aFolder(test))
    const url = await allReady(installation)
    const edge = await readyProcess(installation, 'edge', 0)
    const core = await readyProcess(installation, 'core', 0)
    assert.equal(await ask(url), edge.pid)
    assert.equal(url, `http://127.0.0.1:${String(edge.port)}`)
    assert.ok(isAlive(edge) && isAlive(core))
  })

  it('stops the door first and the rest after it, and leaves with 0', async (test) => {
    const installation = start(aFolder(test))
    await allReady(installation)
    installation.supervisor.kill('SIGTERM')
    assert.deepEqual(await installation.exit, [0, null])
    assert.ok(trace(installation.folder).endsWith('edge stops\ncore stops\n'))
    assert.equal(readProcessesFile(installation.folder), undefined)
  })

  it('can be stopped before anything is ready', async (test) => {
    const installation = start(aFolder(test))
    await until(installation, 'a first process', () => listed(installation, 'core')?.pid ?? undefined)
    installation.supervisor.kill('SIGTERM')
    assert.deepEqual(await installation.exit, [0, null])
  })

  it('starts a process again when it was killed, on the port that it had', async (test) => {
    const installation = start(aFolder(test))
    const url = await allReady(installation)
    for (const life of [0, 1]) {
      kill(await readyProcess(installation, 'edge', life))
      const next = await readyProcess(installation, 'edge', life + 1)
      assert.equal(await ask(url), next.pid)
    }
    assert.equal(listed(installation, 'core')?.restarts, 0)
  })

  it('kills a process that takes too long to stop', async (test) => {
    const installation = start(aFolder(test), {
      SLUICE_QUERY_ROWS_MAX: '3',
      SLUICE_SUPERVISOR_STOP_TIMEOUT_MS: '200',
    })
    await allReady(installation)
    installation.supervisor.kill('SIGTERM')
    assert.deepEqual(await installation.exit, [0, null])
    assert.match(installation.said(), /took too long to stop/)
  })

  it('refuses to start, with the words of the process that cannot', async (test) => {
    const installation = start(aFolder(test), { SLUICE_QUERY_ROWS_MAX: '1' })
    assert.deepEqual(await installation.exit, [1, null])
    assert.match(installation.said(), /^The core wants something changed\.$/m)
  })

  it('gives up on a process that dies again and again before it was ever ready', async (test) => {
    const settings = { SLUICE_QUERY_ROWS_MAX: '2', SLUICE_SUPERVISOR_START_ATTEMPTS_MAX: '2' }
    const installation = start(aFolder(test), settings)
    assert.deepEqual(await installation.exit, [1, null])
    assert.match(installation.said(), /^The process core died 2 times before it was ready/m)
  })

  it('refuses a second start on the same folder, naming the first', async (test) => {
    const first = start(aFolder(test))
    const url = await allReady(first)
    const second = start(first.folder)
    assert.deepEqual(await second.exit, [1, null])
    assert.ok(second.said().includes(`process ${String(first.supervisor.pid)}`), second.said())
    assert.ok(second.said().includes(url), second.said())
    assert.equal(await ask(url), listed(first, 'edge')?.pid)
  })

  it('refuses a port that is taken, in words', async (test) => {
    const first = start(aFolder(test))
    const { port } = new URL(await allReady(first))
    const second = start(aFolder(test), { SLUICE_PORT: port })
    assert.deepEqual(await second.exit, [1, null])
    assert.match(second.said(), new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is taken.*SLUICE_PORT`, 'm'))
  })

  it('refuses a data folder that cannot be one, in words', async (test) => {
    const folder = aFolder(test)
    writeFileSync(join(folder, 'file'), '')
    const installation = start(join(folder, 'file', 'data'))
    assert.deepEqual(await installation.exit, [1, null])
    assert.match(installation.said(), /cannot be used: a part of the path is a file.*SLUICE_DATA_DIR/)
  })

  it('takes its processes with it when it is killed, even busy ones, and a new one starts at once', async (test) => {
    const first = start(aFolder(test))
    const url = await allReady(first)
    const old = [await readyProcess(first, 'edge', 0), await readyProcess(first, 'core', 0)]
    // Nobody answers: the edge's only thread is in an endless loop from here on.
    const busy = fetch(`${url}/busy`).catch(() => undefined)
    await until(first, 'the edge being busy', () => cpuTicks(old[0]) > 20)
    first.supervisor.kill('SIGKILL')
    const second = start(first.folder)
    await allReady(second)
    assert.deepEqual(old.map(isAlive), [false, false])
    assert.equal(await ask(await allReady(second)), listed(second, 'edge')?.pid)
    await busy
  })

  it('never has two writers, though its processes outlive it for a while', async (test) => {
    const first = start(aFolder(test))
    await allReady(first)
    const edge = await readyProcess(first, 'edge', 0)
    // A stopped process notices nothing; only the watchdog's SIGKILL can end it.
    assert.ok(edge.pid !== null)
    process.kill(edge.pid, 'SIGSTOP')
    first.supervisor.kill('SIGKILL')
    const second = start(first.folder)
    await allReady(second)
    assert.equal(isAlive(edge), false)
  })

  it('gives changed settings to its processes without stopping them, and says which need a restart', async (test) => {
    const folder = aFolder(test)
    const file = join(folder, 'settings.yaml')
    writeFileSync(file, 'edge: { connectionsPerSourceMax: 100 }\n')
    const installation = start(folder, { SLUICE_CONFIG: file })
    const url = await allReady(installation)
    const edge = await readyProcess(installation, 'edge', 0)
    writeFileSync(file, 'edge: { connectionsPerSourceMax: 7 }\nquery: { rowsMax: 5 }\n')
    installation.supervisor.kill('SIGHUP')
    await until(installation, 'the reload', () => installation.said().includes('The settings were read again.'))
    assert.match(
      installation.said(),
      /"applied":\["edge\.connectionsPerSourceMax"\],"needRestart":\["query\.rowsMax"\]/,
    )
    assert.equal(await settingsOf(url), 7)
    assert.equal(await ask(url), edge.pid)
    // One that is started again begins with what acts by now, and not with what needs a restart of all.
    kill(edge)
    await readyProcess(installation, 'edge', 1)
    assert.equal(await settingsOf(url), 7)
  })

  it('changes nothing when anything in the changed settings is wrong, and names all of it', async (test) => {
    const folder = aFolder(test)
    const file = join(folder, 'settings.yaml')
    writeFileSync(file, 'edge: { connectionsPerSourceMax: 100 }\n')
    const installation = start(folder, { SLUICE_CONFIG: file })
    const url = await allReady(installation)
    writeFileSync(file, 'edge: { connectionsPerSourceMax: 7, prot: 1 }\ncapture: { depthMax: deep }\n')
    installation.supervisor.kill('SIGHUP')
    await until(installation, 'the refusal', () => installation.said().includes('nothing has changed'))
    assert.match(installation.said(), /edge\.prot is not a setting.*capture\.depthMax is/)
    assert.equal(await settingsOf(url), 100)
  })

  it('arms failpoints in the first life of a process alone', async (test) => {
    const installation = start(aFolder(test), { SLUICE_FAILPOINTS: 'edge:asked=kill' })
    const url = await allReady(installation)
    assert.match(installation.said(), /"level":"warn".*"armed":\["edge:asked"\]/)
    await assert.rejects(ask(url))
    const next = await readyProcess(installation, 'edge', 1)
    assert.equal(await ask(url), next.pid)
  })
})

/** What the process computed so far, in the kernel's ticks. */
function cpuTicks(one: ListedProcess | undefined): number {
  const stat = readFileSync(`/proc/${String(one?.pid)}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11])
}
