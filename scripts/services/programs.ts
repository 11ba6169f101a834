/** Programs of the machine that services need. */
import { execFile } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'
import { SetupProblem } from './service.ts'

const shellPath = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin'

/** What a service gets to see of our environment. */
export const daemonEnvironment: Readonly<Record<string, string>> = { PATH: shellPath, LC_ALL: 'C.UTF-8', TZ: 'UTC' }

const aptTimeoutMs = 300_000

/** Where a program is on PATH, as the shell would find it; undefined when nowhere. */
export function findProgram(name: string): string | undefined {
  for (const folder of shellPath.split(path.delimiter)) {
    const file = path.join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}

/** Installs the Debian package that has the program, when it is missing and we may. */
export async function ensureProgram(name: string, aptPackage: string, say: (line: string) => void): Promise<string> {
  const found = findProgram(name)
  if (found !== undefined) return found
  const apt = findProgram('apt-get')
  if (apt === undefined || process.getuid?.() !== 0) {
    throw new SetupProblem(
      `"${name}" is not on PATH. Install it (on Debian, as root: apt-get install --no-install-recommends ${aptPackage}).`,
    )
  }
  say(`installing ${aptPackage} with apt-get`)
  const options = { timeoutMs: aptTimeoutMs, environment: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }
  const install = ['install', '-y', '-q', '--no-install-recommends', aptPackage]
  // Lists of packages that are missing or too old make the first try fail.
  await runProgram(apt, install, options).catch(async () => {
    await runProgram(apt, ['update', '-q'], options)
    await runProgram(apt, install, options)
  })
  const installed = findProgram(name)
  if (installed === undefined) throw new SetupProblem(`The package ${aptPackage} brought no "${name}".`)
  return installed
}

export interface RunOptions {
  readonly timeoutMs: number
  readonly cwd?: string
  readonly environment?: NodeJS.ProcessEnv
  readonly account?: { readonly uid: number; readonly gid: number } | undefined
}

/** Runs to the end and gives what it wrote; rejects with its last words when it fails or takes too long. */
export function runProgram(program: string, parameters: readonly string[], options: RunOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      parameters,
      {
        timeout: options.timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: 16 * 1024 ** 2,
        env: options.environment ?? daemonEnvironment,
        ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
        ...options.account,
      },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve(stdout)
          return
        }
        const words = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n')
        const ending = error.killed === true ? `took longer than ${String(options.timeoutMs)} ms` : 'failed'
        reject(new SetupProblem(`${path.basename(program)} ${ending}: ${words}`, { cause: error }))
      },
    )
  })
}
