/**
 * The child's side of the supervisor: one role in a process of its own.
 *
 * The process ends when the role has stopped, and at once, as in a crash, when the supervisor is gone: nobody is left
 * to tell it anything or to read its log, and a new supervisor may be about to start its successor. Recovery after a
 * crash is the same path as always. (A process too busy to notice is ended by `watchdog.ts`.)
 */
import { flushCompileCache } from 'node:module'
import { armFailpoints } from '../../kit/failpoint.ts'
import { codeOf, Failure, messageOf } from '../../kit/failure.ts'
import { lockFolder } from '../../kit/folder-lock.ts'
import { createProcessTelemetry } from '../../kit/telemetry/process-telemetry.ts'
import type { Config } from '../config.ts'
import type { ReloadReport } from '../reload.ts'
import type { RoleMessage } from './role-channel.ts'
import { isLaterMessage, isStartMessage } from './role-channel.ts'
import type { Role, RunRole, TakeSettings } from './role-context.ts'

/** Resolves with the exit code. `load` imports the role's program while the settings are on their way. */
export async function runRole(role: Role, load: () => Promise<RunRole>): Promise<number> {
  if (process.send === undefined) {
    process.stderr.write('sluice: A role is started by `sluice start`, not by hand.\n')
    return 1
  }
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  const stop = new AbortController()
  process.on('SIGTERM', () => stop.abort())
  // A terminal sends Ctrl-C to everybody; the supervisor decides who stops when.
  process.on('SIGINT', () => undefined)
  process.on('SIGHUP', () => undefined)

  const loading = load()
  // Told below, once there is a log to tell it to.
  loading.catch(() => undefined)
  const config = await startConfig()
  const { logLevel, seriesMax, failpoints } = config.diagnostics
  const telemetry = createProcessTelemetry({ role, level: logLevel, seriesMax })
  process.once('uncaughtException', (error) => {
    telemetry.log('error', 'The process ends: an error was caught by nobody.', { error })
    process.exit(1)
  })
  const settings = followSettings((next) => telemetry.setLevel(next.diagnostics.logLevel))
  const armed = armFailpoints(failpoints)
  if (armed.length > 0) telemetry.log('warn', 'Failpoints are armed: this process will kill itself.', { armed })

  const said: { ready: boolean } = { ready: false }
  try {
    const run = await loading
    const lock = await lockFolder('run', role, { waitMs: config.supervisor.stopTimeoutMs })
    try {
      await run(config, {
        telemetry,
        signal: stop.signal,
        onSettings: settings.onSettings,
        askReload: settings.askReload,
        ready(info) {
          said.ready = true
          // A life that is killed later would leave nothing compiled for the next one.
          flushCompileCache()
          void tellSupervisor({ kind: 'ready', ...info })
        },
      })
    } finally {
      lock.release()
    }
    return 0
  } catch (error) {
    const refusal = said.ready ? undefined : refusalOf(error, config)
    if (refusal === undefined) telemetry.log('error', 'The process ends with an error.', { error })
    else await tellSupervisor(refusal)
    return 1
  }
}

/** The settings as the supervisor parsed them. */
async function startConfig(): Promise<Config> {
  return new Promise((resolve) => {
    process.once('message', (message) => {
      if (!isStartMessage(message)) return
      for (const section of Object.values(message.config)) Object.freeze(section)
      resolve(Object.freeze(message.config))
    })
  })
}

/** What comes after the start: settings that have changed, and answers to who asked for a reload. */
function followSettings(always: (config: Config) => void) {
  const asked = new Map<number, (report: ReloadReport) => void>()
  let lastTurn = 0
  let take: TakeSettings = () => Promise.resolve([])
  let early: { readonly config: Config; readonly changed: readonly string[] } | undefined
  let isTaken = false

  process.on('message', (message) => {
    if (!isLaterMessage(message)) return
    if (message.kind === 'reload-told') {
      asked.get(message.turn)?.(message.report)
      asked.delete(message.turn)
      return
    }
    const { turn, config, changed } = message
    always(config)
    if (!isTaken) early = { config, changed: [...new Set([...(early?.changed ?? []), ...changed])] }
    take(config, changed)
      .catch((error: unknown) => [messageOf(error)])
      .then((problems) => tellSupervisor({ kind: 'settings-taken', turn, problems }))
      .catch(() => undefined)
  })
  const onSettings = (next: TakeSettings): void => {
    take = next
    isTaken = true
    // They came while the role was starting with older ones.
    if (early !== undefined) void next(early.config, early.changed)
  }
  const askReload = (): Promise<ReloadReport> => {
    const turn = ++lastTurn
    return new Promise((resolve) => {
      asked.set(turn, resolve)
      void tellSupervisor({ kind: 'reload-asked', turn })
    })
  }
  return { onSettings, askReload }
}

async function tellSupervisor(message: RoleMessage): Promise<void> {
  // An error means that the supervisor is gone, and then 'disconnect' decides.
  await new Promise<void>((resolve) => process.send?.(message, () => resolve()))
}

/** What nobody can wait out: somebody must change something first. */
function refusalOf(error: unknown, { edge, tls }: Config): RoleMessage | undefined {
  const code = codeOf(error)
  if (code === 'EADDRINUSE') {
    const port = typeof error === 'object' && error !== null && 'port' in error ? error.port : edge.port
    const setting = port === tls.port ? 'SLUICE_TLS_PORT' : 'SLUICE_PORT'
    const message = `Port ${String(port)} on ${edge.host} is taken by another program. Stop it, or choose another port with ${setting}.`
    return { kind: 'refused', code: 'SLUICE_PORT_TAKEN', message }
  }
  if (code === 'EADDRNOTAVAIL' || code === 'EACCES' || code === 'ENOTFOUND') {
    const message = `${messageOf(error)}. Check SLUICE_HOST, SLUICE_PORT and who owns the data folder.`
    return { kind: 'refused', code: 'SLUICE_START_REFUSED', message }
  }
  return error instanceof Failure && !error.retryable
    ? { kind: 'refused', code: error.code, message: error.message }
    : undefined
}
