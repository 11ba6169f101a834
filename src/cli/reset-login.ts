/** `sluice reset-login`: a new one-time password for whoever is locked out of the console. Asks the running core. */
import { askRole } from '../app/ask-role.ts'
import type { Config } from '../app/config.ts'
import { isAlive, readProcessesFile } from '../app/supervisor/processes-file.ts'
import { Failure } from '../kit/failure.ts'
import { whoRunsThis } from './who-runs-this.ts'

/** Passwords are hashed slowly on purpose. */
const timeoutMs = 30_000

/** Resolves with the exit code 0 once the password is printed; rejects with a Failure that says what to do. */
export async function resetLogin(config: Config): Promise<number> {
  const dataFolder = config.data.dir
  const file = readProcessesFile(dataFolder)
  if (file?.processes.some((one) => one.role === 'supervisor' && isAlive(one)) !== true) {
    throw new Failure('SLUICE_NOT_RUNNING', `Sluice does not run on ${dataFolder}. Start it, then run this again.`)
  }
  process.chdir(dataFolder)
  const question = { path: '/internal/reset-login', body: { by: whoRunsThis() }, timeoutMs }
  const { login, password } = await askRole<NewLogin>('core', question)
  process.stdout.write(
    `Log in at ${file.url} as ${login} with the one-time password ${password}\nAll sessions of ${login} have ended.\n`,
  )
  return 0
}

/** The roles are this program too, in the same version. */
interface NewLogin {
  readonly login: string
  readonly password: string
}
