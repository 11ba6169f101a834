/** What a start needs of Postgres before the core is ready: migrations, a project, somebody who may log in. */
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, Failure, messageOf } from '../kit/failure.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import { ensureFirstProject } from '../stores/state/first-project.ts'
import { migrate, readMigrations } from '../stores/state/migrate.ts'
import type { SqlClient } from '../stores/state/sql-client.ts'
import { ensureFirstUser } from '../stores/state/users.ts'
import type { Config } from './config.ts'
import { forgetFirstLogin, keepFirstLogin } from './first-login.ts'
import { keepRunFile } from './run-file.ts'
import { firstProjectFile } from './supervisor/banner.ts'

/** Brings Postgres up to date and makes sure that there is a project and a user; tries until Postgres is there. */
export async function firstStart(
  config: Config,
  sql: SqlClient,
  canary: string,
  signal: AbortSignal,
  telemetry: Telemetry,
): Promise<void> {
  const { token, personalKey } = config.firstProject
  for (let delayMs = 50; !signal.aborted; delayMs = Math.min(delayMs * 2, 2000)) {
    try {
      await migrate(sql, await readMigrations())
      const first = await ensureFirstProject(sql, {
        canaryToken: canary,
        ...(token === undefined ? {} : { projectToken: token }),
        ...(personalKey === undefined ? {} : { personalKey }),
      })
      // Only who reads this folder can read it, and he could read everything else here as well.
      if (first.personalKey !== undefined) {
        const { projectId, token, personalKey } = first
        await keepRunFile(firstProjectFile, { projectId, token, personalKey })
      }
      const { password } = config.console
      const { oneTime } = await ensureFirstUser(sql, first.organizationId, {
        ...(password === undefined ? {} : { password }),
        keep: keepFirstLogin,
      })
      if (!oneTime) await forgetFirstLogin()
      return
    } catch (error) {
      if (!(error instanceof Failure && error.retryable)) throw error
      telemetry.log(delayMs > 1000 ? 'warn' : 'debug', 'Waiting for Postgres.', {
        reason: messageOf(error),
        code: codeOf(error),
      })
      await sleep(delayMs, undefined, { signal }).catch(() => undefined)
    }
  }
}
