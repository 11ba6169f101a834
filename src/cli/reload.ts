/** `sluice reload`: the running Sluice reads its settings again, in the environment that it was started with. */
import { askRole } from '../app/ask-role.ts'
import type { Config } from '../app/config.ts'
import type { ReloadReport } from '../app/reload.ts'
import { isAlive, readProcessesFile } from '../app/supervisor/processes-file.ts'
import { Failure } from '../kit/failure.ts'

/** Longer than any process may take to answer. */
const timeoutMs = 30_000

/** Resolves with the exit code: 0 when everything that changed acts or waits for a restart, 1 when something is wrong. */
export async function reload(config: Config): Promise<number> {
  const dataFolder = config.data.dir
  const file = readProcessesFile(dataFolder)
  if (file?.processes.some((one) => one.role === 'supervisor' && isAlive(one)) !== true) {
    throw new Failure('SLUICE_NOT_RUNNING', `Sluice does not run on ${dataFolder}; its next start reads the settings.`)
  }
  process.chdir(dataFolder)
  const report = await askRole<ReloadReport>('edge', { path: '/internal/reload', body: {}, timeoutMs })
  if (report.kind === 'refused') {
    process.stderr.write(`sluice: Nothing has changed; the settings are not usable:\n${listed(report.problems)}`)
    return 1
  }
  const { applied, needRestart, problems } = report
  if (applied.length > 0) process.stdout.write(`These act from now on:\n${listed(applied)}`)
  if (needRestart.length > 0) process.stdout.write(`These need a restart:\n${listed(needRestart)}`)
  if (applied.length + needRestart.length === 0) process.stdout.write('No setting has changed.\n')
  if (problems.length > 0) process.stderr.write(`sluice: Not everything could be taken:\n${listed(problems)}`)
  return problems.length === 0 ? 0 : 1
}

function listed(lines: readonly string[]): string {
  return lines.map((line) => `  - ${line}\n`).join('')
}
