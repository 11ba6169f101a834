/** A whole Sluice on a data folder of its own, started and asked as a user would. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { RoleStatus } from '../src/app/role-status.ts'
import { roleSocket } from '../src/app/supervisor/data-folder.ts'
import { readProcessesFile } from '../src/app/supervisor/processes-file.ts'
import type { Books } from '../src/stages/health/books.ts'
import type { Pinning } from './host/pinning.ts'
import { nodeFlags } from './host/run-program.ts'

const ownCheckout = fileURLToPath(new URL('..', import.meta.url))
const pollMs = 100
const startTimeoutMs = 120_000
const drainTimeoutMs = 900_000

export const projectToken = 'phc_benchmark'
const personalKey = 'phx_benchmark0000'

/** What every benchmarked Sluice is started with, beside its folder; all else may be set by the environment. */
export const ownSettings = {
  SLUICE_PORT: '0',
  SLUICE_PROJECT_TOKEN: projectToken,
  SLUICE_PERSONAL_KEY: personalKey,
} as const

export interface Pids {
  readonly supervisor: number
  readonly edge: number
  readonly core: number
}

export interface SqlAnswer {
  readonly rows: readonly (readonly unknown[])[]
  readonly waitingEvents: number
}

export class Installation {
  readonly folder: string
  readonly #main: string
  readonly #pinning: Pinning
  readonly #environment: NodeJS.ProcessEnv
  #child: ChildProcess | undefined
  #isStopping = false
  #projectId: string | undefined

  /** `parent` decides the file system that is measured, `checkout` whose code; this one's unless said otherwise. */
  static async create(
    parent: string,
    pinning: Pinning,
    environment: NodeJS.ProcessEnv,
    checkout = ownCheckout,
  ): Promise<Installation> {
    await mkdir(parent, { recursive: true })
    const folder = await mkdtemp(join(parent, 'bench-'))
    return new Installation(folder, pinning, environment, checkout)
  }

  constructor(folder: string, pinning: Pinning, environment: NodeJS.ProcessEnv, checkout = ownCheckout) {
    this.folder = folder
    this.#main = join(checkout, 'src/main.ts')
    this.#pinning = pinning
    this.#environment = { SLUICE_LOG_LEVEL: 'warn', ...environment, ...ownSettings, SLUICE_DATA_DIR: folder }
  }

  /** Resolves when everything is ready; the edge answers earlier. */
  async start(): Promise<void> {
    const log = await open(this.#logFile, 'a')
    const [program, args] = this.#pinning.command('server', process.execPath, [...nodeFlags, this.#main, 'start'])
    this.#child = spawn(program, args, { env: this.#environment, stdio: ['ignore', log.fd, log.fd] })
    await log.close()
    this.#isStopping = false
    await this.#until('everything to be ready', startTimeoutMs, async () => {
      const { exitCode } = this.#child ?? {}
      if (typeof exitCode === 'number') throw new Error(`Sluice did not start:\n${(await this.lastLog(20)).join('\n')}`)
      const processes = readProcessesFile(this.folder)?.processes ?? []
      return processes.length > 1 && processes.every(({ state }) => state === 'ready')
    })
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    this.resumeCore()
    // A second signal would end everything at once: whoever stops it again only waits.
    if (!this.#isStopping) child.kill('SIGTERM')
    this.#isStopping = true
    await exited
  }

  async remove(): Promise<void> {
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  /** As they are now; a process that died meanwhile has another one. */
  pids(): Pids {
    const pidOf = (role: string) => {
      const pid = this.#listed(role)?.pid
      if (typeof pid !== 'number') throw new Error(`The process ${role} does not run.`)
      return pid
    }
    return { supervisor: pidOf('supervisor'), edge: pidOf('edge'), core: pidOf('core') }
  }

  get port(): number {
    const port = this.portIfReady()
    if (port === undefined) throw new Error('The edge has not said where it listens.')
    return port
  }

  /** Undefined until the edge listens. */
  portIfReady(): number | undefined {
    return this.#listed('edge')?.port ?? undefined
  }

  /** Restarts of all processes: anything but 0 means that something died while it was measured. */
  restarts(): number {
    return (readProcessesFile(this.folder)?.processes ?? []).reduce((sum, one) => sum + one.restarts, 0)
  }

  pauseCore(): void {
    process.kill(this.pids().core, 'SIGSTOP')
  }

  resumeCore(): void {
    const pid = this.#listed('core')?.pid
    if (typeof pid === 'number') process.kill(pid, 'SIGCONT')
  }

  /** What the core says about lanes and books; cheap enough to be asked while it is measured. */
  async status(): Promise<RoleStatus & { readonly books: Books }> {
    const answer = await ask(
      { socketPath: relative('.', join(this.folder, roleSocket.core)) },
      'GET',
      '/internal/status',
    )
    return JSON.parse(answer) as RoleStatus & { readonly books: Books }
  }

  /** Resolves once everything that was accepted before the call is in the table. */
  async drained(): Promise<void> {
    const ends = (await this.#intakeLane()).map(({ end }) => end)
    await this.#until('the log to be drained', drainTimeoutMs, async () => {
      // A core that died is started again, and goes on.
      const partitions = await this.#intakeLane().catch(() => undefined)
      return (
        partitions?.every(({ readers, partition }) => {
          const inserted = readers.find(({ name }) => name === 'warehouse')?.offset ?? 0
          return inserted >= (ends[partition] ?? 0)
        }) ?? false
      )
    })
  }

  async sql(query: string): Promise<SqlAnswer> {
    this.#projectId ??= await this.#findProject()
    const answer = await this.#askApi('POST', `/api/projects/${this.#projectId}/sql`, JSON.stringify({ query }))
    const { rows, waiting_events } = JSON.parse(answer) as {
      readonly rows: readonly (readonly unknown[])[]
      readonly waiting_events: number
    }
    return { rows, waitingEvents: waiting_events }
  }

  /** Asks a question of the API; rejects with anything but an answer. */
  async question(path: string, body: object): Promise<void> {
    this.#projectId ??= await this.#findProject()
    await this.#askApi('POST', `/api/projects/${this.#projectId}/${path}`, JSON.stringify(body))
  }

  /** Gives the project a quota and a rate that no load meets, so that each event is counted against both. */
  async limitEvents(): Promise<void> {
    this.#projectId ??= await this.#findProject()
    const limit = {
      event_type: '@events',
      quota: { events_max: 1_000_000_000, period: 'month' },
      rate: { events_per_second: 10_000_000, burst_events_max: 10_000_000 },
    }
    await this.#askApi('POST', `/api/projects/${this.#projectId}/limits`, JSON.stringify(limit))
  }

  /** Sends one event; resolves with whether it was acknowledged. */
  async sendEvent(event: Readonly<Record<string, unknown>>): Promise<boolean> {
    const body = JSON.stringify({ api_key: projectToken, batch: [event] })
    return ask({ host: '127.0.0.1', port: this.port }, 'POST', '/batch/', body).then(
      () => true,
      () => false,
    )
  }

  /** Where the project's live stream is, and who may read it. */
  async liveStream(): Promise<{ readonly port: number; readonly path: string; readonly authorization: string }> {
    this.#projectId ??= await this.#findProject()
    return {
      port: this.port,
      path: `/api/projects/${this.#projectId}/live`,
      authorization: `Bearer ${personalKey}`,
    }
  }

  /** `sluice verify --json`, as it prints it. */
  async verify(): Promise<unknown> {
    const child = spawn(process.execPath, [...nodeFlags, this.#main, 'verify', '--json'], {
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    await once(child, 'close')
    return JSON.parse(text) as unknown
  }

  /** Of warnings and errors, unless the environment asked for more. */
  async lastLog(linesMax: number): Promise<readonly string[]> {
    const text = await readFile(this.#logFile, 'utf8').catch(() => '')
    return text
      .split('\n')
      .filter((line) => line !== '')
      .slice(-linesMax)
  }

  get #logFile(): string {
    return join(this.folder, 'bench.log')
  }

  #listed(role: string) {
    return readProcessesFile(this.folder)?.processes.find((one) => one.role === role)
  }

  async #intakeLane() {
    const { lanes } = await this.status()
    const intake = lanes?.find(({ lane }) => lane === 'events_plugin_ingestion')
    if (intake === undefined) throw new Error('The core does not say how far the intake is.')
    return intake.partitions
  }

  async #findProject(): Promise<string> {
    const { projects } = JSON.parse(await this.#askApi('GET', '/api/projects')) as {
      readonly projects: readonly { readonly id: number; readonly tokens: readonly string[] }[]
    }
    const own = projects.find(({ tokens }) => tokens.includes(projectToken))
    if (own === undefined) throw new Error('The first project does not have the token that it was given.')
    return String(own.id)
  }

  #askApi(method: string, path: string, body?: string): Promise<string> {
    return ask({ host: '127.0.0.1', port: this.port }, method, path, body, { authorization: `Bearer ${personalKey}` })
  }

  async #until(what: string, timeoutMs: number, isSo: () => Promise<boolean>): Promise<void> {
    const giveUpMs = performance.now() + timeoutMs
    while (!(await isSo())) {
      if (performance.now() > giveUpMs) {
        throw new Error(`Waited ${String(timeoutMs / 1000)} s for ${what}.\n${(await this.lastLog(20)).join('\n')}`)
      }
      await sleep(pollMs)
    }
  }
}

type Where = { readonly socketPath: string } | { readonly host: string; readonly port: number }

/** The body of a 200 or 201; rejects with anything else. */
function ask(
  where: Where,
  method: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const asked = request({ ...where, method, path, headers: { ...type, ...headers } }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () => {
        if (response.statusCode === 200 || response.statusCode === 201) resolve(text)
        else reject(new Error(`${method} ${path} answered ${String(response.statusCode)}: ${text.slice(0, 500)}`))
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}
