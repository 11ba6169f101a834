/**
 * Starts the processes of an installation together, watches them, and stops them one after the other.
 *
 * One supervisor owns a data folder: it holds `sluice.lock`, which the kernel releases when it dies. Each process
 * ends when the supervisor is gone, and each role holds a lock of its own, for which its successor waits: whatever is
 * killed in whatever order, a folder never has two writers.
 */
import { Failure } from '../../kit/failure.ts'
import type { FolderLock } from '../../kit/folder-lock.ts'
import { FolderLocked, lockFolder } from '../../kit/folder-lock.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { Config } from '../config.ts'
import type { ReloadReport, RunningSettings } from '../reload.ts'
import { localUrl } from './banner.ts'
import { liesInMemory, makeDataFolder, makeLayout } from './data-folder.ts'
import type { KeptProcess } from './keeper.ts'
import { Keeper } from './keeper.ts'
import type { Launch } from './launch.ts'
import { removeProcessesFile, writeProcessesFile } from './processes-file.ts'
import { dataFolderInMemory, settingsRead, watchdogMissing } from './supervisor.events.ts'
import { openWatchdog } from './watchdog.ts'

export interface SupervisedProcess {
  readonly role: string
  readonly launch: Launch
  /** Whether the watchdog ends it when the supervisor is killed; false for what sees to that itself. */
  readonly watched: boolean
}

export interface SuperviseOptions {
  readonly config: Config
  /** The same, and as they are after a reload. */
  readonly settings: RunningSettings
  /** Started together, stopped one after the other in this order. */
  readonly processes: readonly SupervisedProcess[]
  readonly telemetry: Telemetry
  /** Aborted to stop. */
  readonly stop: AbortSignal
  /** Aborted to end everything at once. */
  readonly stopNow: AbortSignal
  /** Called once, when everything was ready for the first time. */
  readonly ready: (url: string) => void
  /** Called once, with what reads the settings again and gives them to all processes. */
  readonly canReload?: (reload: () => Promise<ReloadReport>) => void
  /** Called when a reload has changed settings, for what the supervisor's own process takes of them. */
  readonly reloaded?: (config: Config) => void
}

/** Two Ctrl-Cs or a restart by hand: a predecessor that is stopping gets this long before it counts as running. */
const predecessorWaitMs = 1000

/** Resolves when everything has stopped; rejects with a Failure when the start is refused. */
export async function supervise(options: SuperviseOptions): Promise<void> {
  const { config, telemetry } = options
  const dataFolder = config.data.dir
  makeDataFolder(dataFolder)
  const lock = await lockDataFolder(dataFolder)
  try {
    makeLayout(dataFolder)
    // Of a supervisor that was killed.
    removeProcessesFile(dataFolder)
    if (liesInMemory(dataFolder)) dataFolderInMemory(dataFolder).emit(telemetry)
    await runAll(options, lock)
  } finally {
    removeProcessesFile(dataFolder)
    lock.release()
  }
}

async function runAll(options: SuperviseOptions, lock: FolderLock): Promise<void> {
  const { config, telemetry, stop, stopNow } = options
  const watchdog = openWatchdog((reason) => watchdogMissing(reason).emit(telemetry))
  const self: KeptProcess = {
    role: 'supervisor',
    state: 'ready',
    pid: process.pid,
    port: null,
    startedAt: new Date().toISOString(),
    restarts: 0,
  }
  const url = () => urlOf(config, keepers.find(({ role }) => role === 'edge')?.process.port ?? undefined)
  const changed = () => {
    watchdog.watch(
      keepers.flatMap(({ process: { pid } }, index) =>
        options.processes[index]?.watched === true && pid !== null ? [pid] : [],
      ),
    )
    writeProcessesFile(config.data.dir, url(), [self, ...keepers.map(({ process }) => process)])
  }
  const reload = async () => {
    const report = await options.settings.reload(async (next, names) => {
      options.reloaded?.(next)
      return (await Promise.all(keepers.map((keeper) => keeper.tell(next, names)))).flat()
    })
    settingsRead(report).emit(telemetry)
    return report
  }
  const keepers: readonly Keeper[] = options.processes.map(
    ({ role, launch }) => new Keeper({ role, launch, limits: config.supervisor, telemetry, changed, reload }),
  )
  options.canReload?.(reload)
  const killAll = () => {
    for (const keeper of keepers) keeper.kill()
  }
  stopNow.addEventListener('abort', killAll, { once: true })
  const stopAsked = new Promise<void>((resolve) => {
    if (stop.aborted) resolve()
    stop.addEventListener('abort', () => resolve(), { once: true })
  })

  try {
    for (const keeper of keepers) keeper.start()
    const allReady = Promise.all(keepers.map(({ firstReady }) => firstReady)).then(() => {
      if (stop.aborted) return
      lock.describe(url())
      options.ready(url())
    })
    await Promise.race([stopAsked, allReady])
    await stopAsked
  } finally {
    for (const keeper of keepers) await keeper.stop()
    stopNow.removeEventListener('abort', killAll)
    watchdog.close()
  }
}

/** Where the front is, or will be, reached: without TLS as long as the plain port is on. */
function urlOf({ edge, tls }: Config, portTaken: number | undefined): string {
  return edge.port === undefined
    ? localUrl('https', edge.host, tls.port)
    : localUrl('http', edge.host, portTaken ?? edge.port)
}

async function lockDataFolder(folder: string): Promise<FolderLock> {
  try {
    return await lockFolder(folder, 'sluice', { waitMs: predecessorWaitMs })
  } catch (error) {
    if (!(error instanceof FolderLocked)) throw error
    const { holder } = error
    const who = holder === undefined ? 'another process' : `process ${String(holder.pid)}, started ${holder.startedAt}`
    const where = holder?.note === undefined ? '' : `, at ${holder.note}`
    const message = `Sluice runs on the data folder ${folder} already: ${who}${where}. Stop that one first, or choose another folder with SLUICE_DATA_DIR.`
    throw new Failure('SLUICE_ALREADY_RUNNING', message, { cause: error })
  }
}
