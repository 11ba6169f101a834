/**
 * Processes that outlive the command that started them, and that another command must find again.
 *
 * A process is known by its id and the moment at which the kernel started it, as /proc has it: a number alone may by now be
 * somebody else's. Nothing here looks a process up by its name.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Daemon {
  readonly pid: number
  /** In ticks since the machine started. */
  readonly startedTicks: string
}

export interface Launch {
  readonly command: string
  readonly arguments: readonly string[]
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  /** Another account than ours. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined
}

const pollMs = 20

/** Starts it in a session of its own, so that neither a closed terminal nor Ctrl-C reaches it. Its words go to the file. */
export async function startDaemon(launch: Launch, logFile: string): Promise<Daemon> {
  const log = openSync(logFile, 'a', 0o600)
  try {
    const child = spawn(launch.command, launch.arguments, {
      cwd: launch.cwd,
      env: launch.environment,
      detached: true,
      stdio: ['ignore', log, log],
      ...launch.account,
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', reject)
    })
    child.unref()
    const { pid } = child
    const startedTicks = pid === undefined ? undefined : startOf(pid)
    if (pid === undefined || startedTicks === undefined) throw new Error(`${launch.command} ended at once.`)
    return { pid, startedTicks }
  } finally {
    closeSync(log)
  }
}

/** False for one that has ended and that nobody has taken note of yet. */
export function isRunning(daemon: Daemon): boolean {
  return startOf(daemon.pid) === daemon.startedTicks
}

/** Sends it unless the process is gone. */
export function signal(daemon: Daemon, name: NodeJS.Signals): void {
  if (!isRunning(daemon)) return
  try {
    process.kill(daemon.pid, name)
  } catch (error) {
    // It ended between the two lines.
    if (isRunning(daemon)) throw error
  }
}

/** Asks with `name` and, after `timeoutMs`, with SIGKILL; resolves when the process is gone. */
export async function endDaemon(daemon: Daemon, name: NodeJS.Signals, timeoutMs: number): Promise<void> {
  signal(daemon, name)
  // Whatever was stopped hears nothing else.
  if (name !== 'SIGKILL') signal(daemon, 'SIGCONT')
  if (await isGoneWithin(daemon, timeoutMs)) return
  signal(daemon, 'SIGKILL')
  if (await isGoneWithin(daemon, timeoutMs)) return
  throw new Error(`Process ${String(daemon.pid)} does not end, not even after SIGKILL.`)
}

async function isGoneWithin(daemon: Daemon, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (isRunning(daemon)) {
    if (performance.now() >= deadline) return false
    await sleep(pollMs)
  }
  return true
}

/** Field 22 of /proc/PID/stat; the second field is a name in brackets, which may hold anything. Undefined when it has ended. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Its first thread may have ended while others still hold its files and ports.
    const hasEnded = fields[0] === 'Z' && readdirSync(`/proc/${String(pid)}/task`).length <= 1
    return hasEnded ? undefined : fields[19]
  } catch {
    return undefined
  }
}
