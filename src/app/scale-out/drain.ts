/** Makes sure that nothing waits in the old installation: everything accepted is decided, and everything decided is in the tables. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../kit/failure.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { answerOfRole } from '../ask-role.ts'
import type { Config } from '../config.ts'
import { createRunningSettings } from '../reload.ts'
import type { RoleStatus } from '../role-status.ts'
import { createLogPrinter } from '../supervisor/log-printer.ts'
import { launchPostgres } from '../supervisor/launch-postgres.ts'
import { launchRole } from '../supervisor/launch.ts'
import { supervise } from '../supervisor/supervise.ts'

export interface DrainOptions {
  readonly config: Config
  readonly entryFile: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly say: (line: string) => void
}

const lookAgainMs = 100
const sayEveryMs = 10_000
const linesKeptMax = 50

/** Runs the core and Postgres of the old installation, without its door, until nothing waits; then stops them. */
export async function drain({ config, entryFile, environment, say }: DrainOptions): Promise<void> {
  const lines: string[] = []
  const printer = createLogPrinter(
    {
      write(line) {
        if (lines.push(line) > linesKeptMax) lines.shift()
      },
    },
    'raw',
  )
  const stop = new AbortController()
  const program = {
    entryFile,
    environment,
    config: () => config,
    output: (role: string, from: Parameters<typeof printer.follow>[1]) => printer.follow(role, from, 'warn'),
  }
  const ready = Promise.withResolvers<undefined>()
  const running = supervise({
    config,
    settings: createRunningSettings(config, () => Promise.resolve({ kind: 'config', config })),
    processes: [
      { role: 'core', launch: launchRole('core', program), watched: true },
      { role: 'postgres', launch: launchPostgres(config, silent), watched: false },
    ],
    telemetry: silent,
    stop: stop.signal,
    stopNow: new AbortController().signal,
    ready: () => ready.resolve(undefined),
  })
  running.catch((error: unknown) => ready.reject(error))
  try {
    await ready.promise
    await nothingWaits(say)
  } catch (error) {
    throw error instanceof Failure
      ? error
      : new Failure('SLUICE_SCALE_OUT_DRAIN', `The old installation did not run:\n${lines.join('')}`, { cause: error })
  } finally {
    stop.abort()
    await running.catch(() => undefined)
  }
}

async function nothingWaits(say: (line: string) => void): Promise<void> {
  let saidMs = performance.now()
  for (;;) {
    const status = await answerOfRole<RoleStatus>('core', { path: '/internal/status' })
    const waiting = (status?.lanes ?? [])
      .flatMap(({ partitions }) => partitions)
      .reduce((sum, { readers }) => sum + Math.max(0, ...readers.map(({ lag }) => lag)), 0)
    if (status?.lanes !== undefined && waiting === 0) return
    if (performance.now() - saidMs > sayEveryMs) {
      saidMs = performance.now()
      say(`  ${String(waiting)} records wait still`)
    }
    await sleep(lookAgainMs)
  }
}
