/** `sluice reset-login`: a new one-time password for whoever is locked out of the console. Asks the running core. */
import { request } from 'node:http'
import type { Config } from '../app/config.ts'
import { roleSocket } from '../app/supervisor/data-folder.ts'
import { isAlive, readProcessesFile } from '../app/supervisor/processes-file.ts'
import { Failure, messageOf } from '../kit/failure.ts'

const answerTimeoutMs = 30_000
const answerBytesMax = 64 * 1024

/** Resolves with the exit code 0 once the password is printed; rejects with a Failure that says what to do. */
export async function resetLogin(config: Config): Promise<number> {
  const dataFolder = config.data.dir
  const file = readProcessesFile(dataFolder)
  if (file?.processes.some((one) => one.role === 'supervisor' && isAlive(one)) !== true) {
    throw new Failure('SLUICE_NOT_RUNNING', `Sluice does not run on ${dataFolder}. Start it, then run this again.`)
  }
  // A socket's path may have 107 bytes; from inside the folder it is always short.
  process.chdir(dataFolder)
  const { login, password } = await ask()
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

function ask(): Promise<NewLogin> {
  return new Promise((resolve, reject) => {
    const fail = (reason: unknown) =>
      reject(
        new Failure('SLUICE_CORE_AWAY', `The core did not reset the login: ${messageOf(reason)}. Try again.`, {
          retryable: true,
        }),
      )
    const asked = request({
      socketPath: roleSocket.core,
      path: '/internal/reset-login',
      method: 'POST',
      signal: AbortSignal.timeout(answerTimeoutMs),
    })
    asked.on('error', fail)
    asked.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > answerBytesMax) asked.destroy(new Error('its answer is too long'))
      })
      response.on('error', fail)
      response.on('end', () => {
        try {
          if (response.statusCode !== 200) throw new Error(`it answered ${String(response.statusCode)}`)
          resolve(JSON.parse(text) as NewLogin)
        } catch (error) {
          fail(error)
        }
      })
    })
    asked.end()
  })
}
