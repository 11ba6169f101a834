import type { Config, ConfigResult } from '../app/config.ts'
import { createRunningSettings } from '../app/reload.ts'
import { bannerText } from '../app/supervisor/banner.ts'
import { createLogPrinter } from '../app/supervisor/log-printer.ts'
import { runProcesses } from '../app/processes.ts'
import { Failure } from '../kit/failure.ts'
import { createJsonLog } from '../kit/telemetry/json-log.ts'
import { silent } from '../kit/telemetry/telemetry.ts'

/** npm sends each Ctrl-C on to its child, which has had it from the terminal already: an echo, not a second one. */
const echoMs = 500

export interface StartProgram {
  readonly entryFile: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Reads file and environment again, with a look at what lies in files of its own. */
  readonly readSettings: () => Promise<ConfigResult>
}

/** Runs until a signal stops it. */
export async function start(config: Config, program: StartProgram): Promise<number> {
  const checked = await program.readSettings()
  if (checked.kind === 'problems') throw new Failure('SLUICE_SETTINGS_UNUSABLE', checked.problems.join('\n'))
  const printer = createLogPrinter(
    { write: (line) => process.stdout.write(line) },
    process.stdout.isTTY ? 'readable' : 'raw',
  )
  const { log, setLevel } = createJsonLog({ caller: 'supervisor', level: config.diagnostics.logLevel, sink: printer })
  const stop = new AbortController()
  const stopNow = new AbortController()
  let askedAt: number | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (askedAt === undefined) {
      askedAt = performance.now()
      log('info', 'Stopping: requests and batches that were begun are finished. Once more ends everything at once.', {
        signal,
      })
      stop.abort()
    } else if (performance.now() - askedAt > echoMs) {
      stopNow.abort()
    }
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal)
  // From a terminal it says that the terminal has gone; from anybody else, as services are used to, that settings have changed.
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY)
  let reload: (() => Promise<unknown>) | undefined
  process.on('SIGHUP', (signal) => {
    if (hasTerminal) onSignal(signal)
    else reload?.().catch((error: unknown) => log('error', 'The settings could not be read again.', { error }))
  })

  await runProcesses({
    ...program,
    config,
    settings: createRunningSettings(config, program.readSettings),
    printer,
    setLevel,
    canReload: (next) => {
      reload = next
    },
    telemetry: { ...silent, log },
    stop: stop.signal,
    stopNow: stopNow.signal,
    ready: (url) => process.stdout.write(bannerText({ url, dataFolder: config.data.dir })),
  })
  return 0
}
