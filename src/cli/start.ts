import type { Config } from '../app/config.ts'
import { bannerText } from '../app/supervisor/banner.ts'
import { createLogPrinter } from '../app/supervisor/log-printer.ts'
import { runProcesses } from '../app/processes.ts'
import { createJsonLog } from '../kit/telemetry/json-log.ts'
import { silent } from '../kit/telemetry/telemetry.ts'

/** npm sends each Ctrl-C on to its child, which has had it from the terminal already: an echo, not a second one. */
const echoMs = 500

/** Runs until a signal stops it. */
export async function start(
  config: Config,
  program: { readonly entryFile: string; readonly environment: Readonly<Record<string, string | undefined>> },
): Promise<number> {
  const printer = createLogPrinter(
    { write: (line) => process.stdout.write(line) },
    process.stdout.isTTY ? 'readable' : 'raw',
  )
  const { log } = createJsonLog({ caller: 'supervisor', level: config.diagnostics.logLevel, sink: printer })
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
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)

  await runProcesses({
    ...program,
    config,
    printer,
    telemetry: { ...silent, log },
    stop: stop.signal,
    stopNow: stopNow.signal,
    ready: (url) => process.stdout.write(bannerText({ url, dataFolder: config.data.dir })),
  })
  return 0
}
