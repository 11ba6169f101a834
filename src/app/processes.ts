/** Which processes run on this machine, and in which order they stop: the door first, the stores last. */
import type { Readable } from 'node:stream'
import { createJsonLog } from '../kit/telemetry/json-log.ts'
import type { LogLevel } from '../kit/telemetry/telemetry.ts'
import type { Config } from './config.ts'
import type { LogPrinter } from './supervisor/log-printer.ts'
import { launchPostgres } from './supervisor/launch-postgres.ts'
import { launchRole } from './supervisor/launch.ts'
import { roles } from './supervisor/role-context.ts'
import type { SuperviseOptions, SupervisedProcess } from './supervisor/supervise.ts'
import { supervise } from './supervisor/supervise.ts'
import { refuseFenced } from './scale-out/move-file.ts'

export interface ProcessesOptions extends Omit<SuperviseOptions, 'processes' | 'reloaded'> {
  /** `main`, as it runs now: source or build. */
  readonly entryFile: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly printer: LogPrinter
  /** Of the supervisor's own log. */
  readonly setLevel: (level: LogLevel) => void
}

/** Resolves when everything has stopped; rejects with a Failure when the start is refused. */
export async function runProcesses(options: ProcessesOptions): Promise<void> {
  const { entryFile, environment, printer, config, settings } = options
  const output = (role: string, from: Readable) => printer.follow(role, from, 'warn')
  const postgresLog = createJsonLog({ caller: 'postgres', level: config.diagnostics.logLevel, sink: printer })
  const program = { entryFile, config: () => settings.now(), environment, output }
  const { engines, roles: wanted } = config.profile
  if (engines === 'embedded') await refuseFenced(config.data.dir)
  const processes: readonly SupervisedProcess[] = [
    ...roles
      .filter((role) => wanted.includes(role))
      .map((role) => ({ role, launch: launchRole(role, program), watched: true })),
    ...(engines === 'embedded'
      ? [{ role: 'postgres', launch: launchPostgres(config, postgresLog), watched: false }]
      : []),
  ]
  const reloaded = ({ diagnostics }: Config) => {
    postgresLog.setLevel(diagnostics.logLevel)
    options.setLevel(diagnostics.logLevel)
  }
  await supervise({ ...options, processes, reloaded })
}
