/**
 * Keeps one process running: starts it, starts it again when it dies, and stops it.
 *
 * States: starting → ready → (died) waiting → starting …; `stop` leads from each of them to stopped.
 * The pause before a new start doubles up to `restartDelayMsMax`, and begins anew once a life was ready for a minute.
 * A process that was never ready and says that it cannot start, or that dies `startAttemptsMax` times before it was
 * ready once, is given up: `firstReady` rejects.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { Config } from '../config.ts'
import type { ReloadReport } from '../reload.ts'
import type { Exit, Launch, Launched } from './launch.ts'
import { processDied, processKilled, processReady, processStarted, processStopped } from './supervisor.events.ts'

export interface KeptProcess {
  readonly role: string
  readonly state: 'starting' | 'ready' | 'waiting' | 'stopped'
  readonly pid: number | null
  readonly port: number | null
  /** When the current or last life began. */
  readonly startedAt: string
  readonly restarts: number
}

const restartDelayMsMin = 50
const healthyMs = 60_000

export class Keeper {
  readonly role: string
  /** Resolves when the process was ready for the first time. */
  readonly firstReady: Promise<void>
  readonly #launch: Launch
  readonly #limits: Config['supervisor']
  readonly #telemetry: Telemetry
  readonly #changed: () => void
  readonly #reload: () => Promise<ReloadReport>
  readonly #stopping = new AbortController()
  readonly #ready = Promise.withResolvers<undefined>()
  #process: KeptProcess
  #readyAt: number | undefined
  #wasReady = false
  #launched: Launched | undefined
  #running: Promise<void> | undefined

  constructor(options: {
    readonly role: string
    readonly launch: Launch
    readonly limits: Config['supervisor']
    readonly telemetry: Telemetry
    /** Called after `process` changed. */
    readonly changed: () => void
    /** Called when the process asks for the settings to be read again. */
    readonly reload: () => Promise<ReloadReport>
  }) {
    this.role = options.role
    this.#launch = options.launch
    this.#limits = options.limits
    this.#telemetry = options.telemetry
    this.#changed = options.changed
    this.#reload = options.reload
    this.#process = { role: this.role, state: 'stopped', pid: null, port: null, startedAt: now(), restarts: 0 }
    this.firstReady = this.#ready.promise
    // Whoever stops the supervisor before it was ready does not wait for this any more.
    this.firstReady.catch(() => undefined)
  }

  get process(): KeptProcess {
    return this.#process
  }

  start(): void {
    this.#running ??= this.#keepRunning()
  }

  /** Asks the process to stop and kills it when it takes too long. Safe to call twice. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#launched?.stop()
    const running = this.#running ?? Promise.resolve()
    const inTime = await Promise.race([
      running.then(() => true),
      sleep(this.#limits.stopTimeoutMs, false, { ref: false }),
    ])
    if (inTime) return
    processKilled(this.role, this.#limits.stopTimeoutMs).emit(this.#telemetry)
    this.kill()
    await running
  }

  /** Gives the process the settings as they are now; resolves with what it could not take. */
  async tell(config: Config, changed: readonly string[]): Promise<readonly string[]> {
    // One that waits to be started again gets them at its start.
    return (await this.#launched?.tell?.(config, changed)) ?? []
  }

  /** Ends the process at once and for good. */
  kill(): void {
    this.#stopping.abort()
    this.#launched?.kill()
  }

  async #keepRunning(): Promise<void> {
    let delayMs = restartDelayMsMin
    while (!this.#isStopping()) {
      const exit = await this.#live()
      if (this.#isStopping()) break
      const reason = this.#reasonToGiveUp(exit)
      if (reason !== undefined) {
        this.#ready.reject(reason)
        break
      }
      if (this.#readyAt !== undefined && performance.now() - this.#readyAt >= healthyMs) delayMs = restartDelayMsMin
      processDied(this.role, exit.how, delayMs).emit(this.#telemetry)
      this.#change({ state: 'waiting', pid: null, restarts: this.#process.restarts + 1 })
      await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      delayMs = Math.min(delayMs * 2, this.#limits.restartDelayMsMax)
    }
    this.#change({ state: 'stopped', pid: null })
    processStopped(this.role).emit(this.#telemetry)
  }

  /** One life, from start to exit. */
  async #live(): Promise<Exit> {
    this.#readyAt = undefined
    this.#change({ state: 'starting', startedAt: now() })
    this.#launched = this.#launch({
      restarts: this.#process.restarts,
      port: this.#process.port ?? undefined,
      spawned: (pid) => {
        this.#change({ pid })
        processStarted(this.role, pid).emit(this.#telemetry)
      },
      ready: ({ port }) => {
        this.#readyAt = performance.now()
        this.#wasReady = true
        this.#change({ state: 'ready', port: port ?? null })
        processReady(this.role, port).emit(this.#telemetry)
        this.#ready.resolve(undefined)
      },
      reload: () => this.#reload(),
    })
    return this.#launched.exited
  }

  #reasonToGiveUp(exit: Exit): Failure | undefined {
    if (this.#wasReady) return undefined
    if (exit.refusal !== undefined) return new Failure(exit.refusal.code, exit.refusal.message)
    const attempts = this.#process.restarts + 1
    if (attempts < this.#limits.startAttemptsMax) return undefined
    const message = `The process ${this.role} died ${String(attempts)} times before it was ready (${exit.how}); its log lines above say why.`
    return new Failure('SLUICE_PROCESS_NEVER_READY', message)
  }

  #isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  #change(changes: Partial<KeptProcess>): void {
    this.#process = { ...this.#process, ...changes }
    this.#changed()
  }
}

function now(): string {
  return new Date().toISOString()
}
