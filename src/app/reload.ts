/**
 * Settings that change while Sluice runs. The supervisor reads file and environment again; when anything is wrong, all of it is
 * told and nothing changes. Otherwise every process gets the settings of which it may take some at once (`reloads` in the
 * table), and each other change is told as one that needs a restart, until there was one.
 */
import type { Config, ConfigResult } from './config.ts'
import { compareConfigs } from './config.ts'

export type ReloadReport =
  | { readonly kind: 'refused'; readonly problems: readonly string[] }
  | {
      readonly kind: 'taken'
      /** Settings by their names; these act now. */
      readonly applied: readonly string[]
      readonly needRestart: readonly string[]
      /** What a process could not take, in words; everything else acts. */
      readonly problems: readonly string[]
    }

export interface RunningSettings {
  /** What acts now, and what a process that is started again gets. */
  now(): Config
  /** Reads everything again; two at once are one after the other. */
  reload(tell: TellProcesses): Promise<ReloadReport>
}

/** Gives the settings to every process; resolves with what these could not take. */
export type TellProcesses = (config: Config, changed: readonly string[]) => Promise<readonly string[]>

export function createRunningSettings(initial: Config, read: () => Promise<ConfigResult>): RunningSettings {
  let current = initial
  let last: Promise<unknown> = Promise.resolve()

  async function reload(tell: TellProcesses): Promise<ReloadReport> {
    const result = await read()
    if (result.kind === 'problems') return { kind: 'refused', problems: result.problems }
    const { config, applied, needRestart } = compareConfigs(current, result.config)
    current = config
    // Also when nothing has changed: what lies in files beside the settings, like certificates, may have.
    return { kind: 'taken', applied, needRestart, problems: await tell(config, applied) }
  }

  return {
    now: () => current,
    reload(tell) {
      const turn = last.then(() => reload(tell))
      last = turn.catch(() => undefined)
      return turn
    },
  }
}
