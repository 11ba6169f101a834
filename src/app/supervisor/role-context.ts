/** What a role is given when it runs, and what it says back: `run-edge.ts` and `run-core.ts` are the functions of this shape. */
import type { ProcessTelemetry } from '../../kit/telemetry/process-telemetry.ts'
import type { Config } from '../config.ts'
import type { ReloadReport } from '../reload.ts'

/** The Node processes that may run on a machine, in the order in which they stop. The working directory of each is the data folder. */
export const roles = ['edge', 'core'] as const
export type Role = (typeof roles)[number]

export interface RoleContext {
  readonly telemetry: ProcessTelemetry
  /** Aborted when the role shall stop: finish what was begun, then resolve. */
  readonly signal: AbortSignal
  /** Call once, when the role does its work. */
  readonly ready: (info: ReadyInfo) => void
  /** Says who takes settings that change; without, only the level of the log changes in this process. */
  readonly onSettings: (take: TakeSettings) => void
  /** Has the supervisor read the settings again, for all processes. */
  readonly askReload: () => Promise<ReloadReport>
}

/** `changed` names them as the file does. Resolves with what could not be taken, in words; the old is kept then. */
export type TakeSettings = (config: Config, changed: readonly string[]) => Promise<readonly string[]>

export interface ReadyInfo {
  /** The TCP port that was taken, when the role listens on one. */
  readonly port?: number
}

/**
 * Resolves once the role has stopped. Rejects when it cannot go on: with a Failure that is not retryable before it was
 * ready, the whole start is refused with that message; with anything else the process is started again.
 */
export type RunRole = (config: Config, context: RoleContext) => Promise<void>
