/** `sluice scale-out`: moves the embedded installation of the data folder to the engines that the settings name. */
import type { Config } from '../app/config.ts'
import { finish, goBack, moveOf, scaleOut } from '../app/scale-out/scale-out.ts'
import { moveSteps } from '../app/scale-out/move-file.ts'
import { armFailpoints } from '../kit/failpoint.ts'
import { createProcessTelemetry } from '../kit/telemetry/process-telemetry.ts'

const usage = `Usage:
  sluice scale-out                       Moves the stopped installation of SLUICE_DATA_DIR to Kafka, Redis, Postgres and
                                         ClickHouse as the settings name them; goes on where it was interrupted.
  sluice scale-out status                Says how far it is.
  sluice scale-out back [--leave-events] Returns to the data folder, while the move is not finished.
  sluice scale-out finish                Gives up the way back; then the data folder may be removed.
`

export interface ScaleOutProgram {
  readonly entryFile: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** Exit code 0 when it is done, 2 when the call is wrong. */
export async function scaleOutCommand(
  config: Config,
  words: readonly string[],
  program: ScaleOutProgram,
): Promise<number> {
  const [what = 'move', ...options] = words
  const { seriesMax, failpoints } = config.diagnostics
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  const sink = { write: (line: string) => void process.stderr.write(line) }
  const telemetry = createProcessTelemetry({ role: 'scale-out', level: 'error', seriesMax, sink })
  const all = { ...program, config, telemetry, say }
  const isKnown = options.every((option) => what === 'back' && option === '--leave-events')
  armFailpoints(failpoints)
  switch (isKnown ? what : '') {
    case 'move':
      await scaleOut(all)
      return 0
    case 'back':
      await goBack(all, options.includes('--leave-events'))
      return 0
    case 'finish':
      await finish(all)
      return 0
    case 'status':
      say(await statusText(config))
      return 0
    default:
      process.stderr.write(usage)
      return 2
  }
}

async function statusText(config: Config): Promise<string> {
  const move = await moveOf(config)
  if (move === undefined) return `Nothing was moved out of ${config.data.dir}.`
  const steps = moveSteps.map((step) => `  ${step.padEnd(8)} ${move.done.includes(step) ? 'done' : 'to be done'}`)
  return [`${move.phase} to ${move.target}, begun ${move.startedAt}`, ...steps].join('\n')
}
