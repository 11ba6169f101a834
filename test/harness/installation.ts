/**
 * A real Sluice, supervisor and all, on a temporary folder and a port of its own, that can be asked, killed and started again.
 *
 * Words:
 * - installation: one data folder with its settings, keys and port; they stay over restarts.
 * - life: one run of `sluice start` on it.
 *
 * Whatever a test does or fails to do, in the end nothing of it runs any more and the folder is gone (SLUICE_TEST_KEEP=1 keeps it).
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { ListedProcess } from '../../src/app/supervisor/processes-file.ts'
import { isAlive, readProcessesFile } from '../../src/app/supervisor/processes-file.ts'
import type { Verdict } from '../../src/app/verify-installation.ts'
import type { Status } from '../../src/cli/status.ts'
import { freePort } from '../../src/kit/free-port.fixtures.ts'
import type { Answer, Question } from './http-client.ts'
import { send } from './http-client.ts'
import { embedded } from './profiles.ts'
import type { TestedProfile } from './profiles.ts'
import { until } from './until.ts'

export type Role = 'supervisor' | 'edge' | 'core' | 'postgres'
export type Settings = Readonly<Record<string, string>>

export interface LogLine {
  readonly level: string
  readonly caller: string
  readonly msg: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Table {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly unknown[])[]
  readonly complete_through: string
  readonly waiting_events: number
  readonly parked_events: number
}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Everything small, so that segments, blocks and restarts happen all the time. */
const smallAndQuick: Settings = {
  SLUICE_INTAKE_SEGMENT_BYTES_MAX: String(256 * 1024),
  SLUICE_INGESTION_BATCH_BYTES_MAX: String(64 * 1024),
  SLUICE_INGESTION_RETRY_MS_MAX: '200',
  SLUICE_WAREHOUSE_LINGER_MS: '50',
  SLUICE_WAREHOUSE_BLOCK_ROWS_MAX: '500',
  SLUICE_WAREHOUSE_RETRY_MS_MAX: '200',
  SLUICE_WAREHOUSE_MEMORY_BYTES_MAX: String(1024 ** 3),
  SLUICE_HEALTH_CANARY_INTERVAL_MS: '1000',
  SLUICE_SUPERVISOR_RESTART_DELAY_MS_MAX: '100',
}

const root = resolve(import.meta.dirname, '..', '..')
const entry = ['--disable-warning=ExperimentalWarning', join(root, 'src', 'main.ts')]
const linesKeptMax = 20_000
/** It takes some tens of milliseconds. */
const postgresQuitMsMax = 5000
let installations = 0

/** A test's context is one. */
export interface Ending {
  after(clean: () => Promise<void>): void
}

/** Makes the folder, and names on the engines of the profile; nothing runs yet. */
export async function anInstallation(
  ending: Ending,
  settings: Settings = {},
  profile: TestedProfile = embedded,
): Promise<Installation> {
  const engines = await profile.engines(ending)
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'))
  const installation = new Installation(folder, await freePort(), { ...engines.settings, ...settings })
  engines.after(() => installation.remove())
  return installation
}

/** Makes the folder, starts, and waits until everything is ready. */
export async function aRunningSluice(
  ending: Ending,
  settings: Settings = {},
  profile: TestedProfile = embedded,
): Promise<Installation> {
  const installation = await anInstallation(ending, settings, profile)
  await installation.start()
  return installation
}

export class Installation {
  readonly #folder: string
  readonly #settings: Settings
  readonly dataFolder: string
  /** Of its own, so that a request which meets another installation is refused loudly. */
  readonly token: string
  readonly personalKey: string
  readonly url: string
  readonly #lines: LogLine[] = []
  #life: { readonly child: ChildProcess; readonly exit: Promise<number | null> } | undefined
  #said = ''
  #projectPath: string | undefined

  constructor(folder: string, port: number, settings: Settings) {
    const id = `${String(process.pid)}_${String(installations++)}`
    this.#folder = folder
    this.#settings = { ...smallAndQuick, ...settings }
    this.dataFolder = join(folder, 'data')
    this.token = settings['SLUICE_PROJECT_TOKEN'] ?? `phc_test_${id}`
    this.personalKey = settings['SLUICE_PERSONAL_KEY'] ?? `phx_test_${id}`
    this.url = `http://127.0.0.1:${String(port)}`
  }

  get urls(): readonly string[] {
    return [this.url]
  }

  /** The server that has its tables, when that is not its own. */
  get clickhouse(): { readonly url: string; readonly database: string } | undefined {
    const {
      SLUICE_PROFILE: profile,
      CLICKHOUSE_HOST: url = '',
      CLICKHOUSE_DATABASE: database = 'sluice',
    } = this.#settings
    return profile === 'cluster' ? { url, database } : undefined
  }

  /** Starts and resolves once every process is ready. `settings` are for this life alone. */
  async start(settings: Settings = {}): Promise<void> {
    const { exit } = this.begin(settings)
    let ended = false
    void exit.then(() => (ended = true))
    await this.until('readiness', () => {
      assert.ok(!ended, `Sluice ended before it was ready.\n${this.tail()}`)
      return this.#said.includes('Sluice is ready at')
    })
  }

  /** Starts and does not wait. */
  begin(settings: Settings = {}): { readonly exit: Promise<number | null> } {
    const child = spawn(process.execPath, [...entry, 'start'], this.#options(settings))
    this.#said = ''
    const exit = once(child, 'close').then(([code]) => code as number | null)
    for (const from of [child.stdout, child.stderr] as Readable[]) {
      createInterface({ input: from }).on('line', (line) => this.#hear(line))
    }
    this.#life = { child, exit }
    return { exit }
  }

  /** What the present life said outside of its log. */
  said(): string {
    return this.#said
  }

  /** Asks it to stop, as a service manager would. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    assert.ok(this.#life !== undefined)
    this.#life.child.kill('SIGTERM')
    return await this.#life.exit
  }

  process(role: Role): ListedProcess | undefined {
    return readProcessesFile(this.dataFolder)?.processes.find((one) => one.role === role)
  }

  /** Resolves once every process is ready, be it in its first life or a later one. */
  async ready(): Promise<void> {
    await this.until('every process being ready', () => {
      const processes = readProcessesFile(this.dataFolder)?.processes
      return processes?.every((one) => one.state === 'ready' && isAlive(one))
    })
  }

  /** As `ready`, for one process. */
  async roleReady(role: Role): Promise<void> {
    await this.until(`${role} being ready`, () => {
      const found = this.process(role)
      return found?.state === 'ready' && isAlive(found)
    })
  }

  /** SIGKILL to the process as it runs now, as soon as it does; resolves once it is gone. */
  async kill(role: Role): Promise<void> {
    const victim = await this.until(`${role} being alive`, () => {
      const found = this.process(role)
      return found !== undefined && isAlive(found) ? found : undefined
    })
    killed(victim)
    await this.until(`the end of ${role}`, () => !isAlive(victim))
  }

  /** SIGKILL to all at once, the supervisor first; resolves once nothing runs on the folder. */
  async killAll(): Promise<void> {
    const processes = readProcessesFile(this.dataFolder)?.processes ?? []
    for (const role of ['supervisor', 'edge', 'core', 'postgres']) {
      const victim = processes.find((one) => one.role === role)
      if (victim !== undefined && isAlive(victim)) killed(victim)
    }
    await this.#life?.exit
    await this.gone()
  }

  /** SIGSTOP to all: they keep their connections and what they believe, and do nothing. Returns how they go on. */
  pause(): () => void {
    const paused = processesIn(this.#folder)
    for (const pid of paused) process.kill(pid, 'SIGSTOP')
    return () => {
      for (const pid of paused) process.kill(pid, 'SIGCONT')
    }
  }

  /** SIGKILL to the supervisor and to nobody else; resolves once it is gone, with the processes that it leaves behind. */
  async killSupervisor(): Promise<readonly ListedProcess[]> {
    const orphans = (readProcessesFile(this.dataFolder)?.processes ?? []).filter(({ role }) => role !== 'supervisor')
    this.#life?.child.kill('SIGKILL')
    await this.#life?.exit
    return orphans
  }

  /** Resolves once no process has its working directory in the folder. */
  async gone(): Promise<void> {
    await this.until('the end of everything', () => processesIn(this.#folder).length === 0)
  }

  /** Restarts of a process in this life of the supervisor. */
  restarts(role: Role): number {
    return this.process(role)?.restarts ?? 0
  }

  /** Log lines of all lives that have this message. */
  logged(msg: string): readonly LogLine[] {
    return this.#lines.filter((line) => line.msg === msg)
  }

  /** How often a process was seen to be killed by SIGKILL, in all lives of the supervisor. */
  deaths(role: Role): number {
    return this.logged('A process died and is started again.').filter(
      ({ fields }) => fields['role'] === role && fields['how'] === 'SIGKILL',
    ).length
  }

  /** The last things of note that it said, each once: for the message of a failure. */
  tail(): string {
    const notable = this.#lines.filter(({ level }) => level === 'warn' || level === 'error')
    const log = notable.map(({ level, caller, msg, fields }) =>
      `${level} ${caller}: ${msg} ${JSON.stringify(fields)}`.slice(0, 500),
    )
    return [this.#said, ...new Set(log.slice(-200)), JSON.stringify(readProcessesFile(this.dataFolder))].join('\n')
  }

  until<T>(what: string, condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
    return until(what, condition, () => this.tail())
  }

  send(path: string, question: Question = {}): Promise<Answer> {
    return send(`${this.url}${path}`, question)
  }

  /** `events` are whole, with their `distinct_id`; the token is added. */
  capture(events: readonly object[], search = ''): Promise<Answer> {
    return this.send(`/batch/${search}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ api_key: this.token, batch: events }),
    })
  }

  /** A question in SQL; asked again while the core or Postgres is away. */
  async ask(query: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<Table> {
    const answer = await this.until('an answer', async () => {
      const came = await this.askOnce(query, parameters).catch(() => undefined)
      return came === undefined || came.status === 503 ? undefined : came
    })
    assert.equal(answer.status, 200, `${query}\n${answer.text}`)
    return JSON.parse(answer.text) as Table
  }

  async askOnce(query: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    this.#projectPath ??= await this.#lookUpProject()
    return await this.send(`${this.#projectPath}/sql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.personalKey}` },
      body: JSON.stringify({ query, parameters }),
    })
  }

  /** Its number is 1, unless the core died while it made the project. */
  async #lookUpProject(): Promise<string> {
    const { status, text } = await this.send('/api/projects', {
      headers: { authorization: `Bearer ${this.personalKey}` },
    })
    assert.equal(status, 200, text)
    const { projects } = JSON.parse(text) as {
      readonly projects: readonly { readonly id: number; readonly tokens: readonly string[] }[]
    }
    const own = projects.find(({ tokens }) => tokens.includes(this.token))
    assert.ok(own !== undefined, text)
    return `/api/projects/${String(own.id)}`
  }

  /** Resolves once everything that was accepted can be asked for. */
  async settled(): Promise<void> {
    let last = Infinity
    let lastSawMs = performance.now()
    // The warehouse may have much to catch up with: what counts is that it moves.
    while (last !== 0) {
      const { waiting_events: waiting } = await this.ask('SELECT 1')
      if (waiting !== last) lastSawMs = performance.now()
      assert.ok(
        performance.now() - lastSawMs < 60_000,
        `${String(waiting)} events wait and nothing moves.\n${this.tail()}`,
      )
      last = waiting
    }
  }

  async verify(): Promise<{ readonly code: number | null; readonly verdict: Verdict }> {
    const { code, out, err } = await this.run(['verify', '--json'])
    assert.notEqual(out, '', `verify said nothing: ${err}\n${this.tail()}`)
    return { code, verdict: JSON.parse(out) as Verdict }
  }

  async status(): Promise<Status> {
    const { out } = await this.run(['status', '--json'])
    return JSON.parse(out) as Status
  }

  /** Any command of `sluice` on this installation. */
  async run(words: readonly string[], settings: Settings = {}): Promise<Ran> {
    const child = spawn(process.execPath, [...entry, ...words], this.#options(settings))
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, out, err }
  }

  /** Ends whatever runs and removes the folder. */
  async remove(): Promise<void> {
    this.#life?.child.kill('SIGKILL')
    const killPostgresAtMs = performance.now() + postgresQuitMsMax
    await until(`the end of what runs in ${this.#folder}`, () => {
      const left = processesIn(this.#folder)
      const isPatient = performance.now() < killPostgresAtMs
      for (const pid of left) {
        if (isPatient && isPostgres(pid)) toldToQuit(pid)
        else killed({ pid })
      }
      return left.length === 0
    })
    await this.#life?.exit
    if (process.env['SLUICE_TEST_KEEP'] === '1') process.stdout.write(`${this.#folder} is kept.\n`)
    else rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #options(settings: Settings) {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !name.startsWith('SLUICE_') && name !== 'NODE_TEST_CONTEXT',
    )
    const env: Record<string, string | undefined> = {
      ...Object.fromEntries(inherited),
      // What the processes of Sluice compile is kept there anyway.
      NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'sluice'),
      SLUICE_DATA_DIR: this.dataFolder,
      SLUICE_PORT: new URL(this.url).port,
      SLUICE_PROJECT_TOKEN: this.token,
      SLUICE_PERSONAL_KEY: this.personalKey,
      ...this.#settings,
      ...settings,
    }
    return { cwd: this.#folder, env, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] }
  }

  #hear(line: string): void {
    const parsed = logLineFrom(line)
    if (parsed === undefined) this.#said += `${line}\n`
    else if (this.#lines.push(parsed) > linesKeptMax) this.#lines.shift()
  }
}

function killed({ pid }: { readonly pid: number | null }): void {
  if (pid !== null) signalled(pid, 'SIGKILL')
}

/**
 * A Postgres that quits leaves its work undone as a killed one does, but takes its shared memory with it. What a killed one leaves is
 * only freed by the next on the same folder, and else stays on the machine.
 */
function toldToQuit(pid: number): void {
  signalled(pid, 'SIGQUIT')
  signalled(pid, 'SIGCONT')
}

function signalled(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It was faster.
  }
}

function isPostgres(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${String(pid)}/exe`).endsWith('/postgres')
  } catch {
    return false
  }
}

/** Every process that we start has its working directory somewhere in its installation's folder. */
function processesIn(folder: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      return /^\d+$/.test(name) && readlinkSync(`/proc/${name}/cwd`).startsWith(folder) ? [Number(name)] : []
    } catch {
      return []
    }
  })
}

function logLineFrom(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    const value = JSON.parse(line) as Partial<LogLine>
    return typeof value.msg === 'string' && typeof value.level === 'string'
      ? { level: value.level, caller: value.caller ?? '', msg: value.msg, fields: value.fields ?? {} }
      : undefined
  } catch {
    return undefined
  }
}
