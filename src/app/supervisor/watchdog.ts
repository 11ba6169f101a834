/**
 * Ends the other processes when the supervisor is killed with SIGKILL, even those too busy to notice that it is gone.
 *
 * It is a shell that reads the list of process ids from a pipe, each line in place of the one before, and acts on the last one
 * when the pipe closes. A shell, because that is 1 MB; a thread in each process that watches for the same costs 18. (Postgres has a guard of its own.)
 */
import { spawn } from 'node:child_process'

export interface Watchdog {
  /** Takes the place of what was watched before. */
  watch(pids: readonly number[]): void
  /** Lets go of every process. */
  close(): void
}

const script = `while read -r line; do pids=$line; done
[ -z "$pids" ] || kill -KILL $pids`

/** `lost` is called when the watchdog ends or cannot be started, though nobody closed it. */
export function openWatchdog(lost: (reason: string) => void): Watchdog {
  // A session of its own: what a terminal or a shell sends to the supervisor's group must not end the watchdog first.
  const shell = spawn('/bin/sh', ['-c', script], { detached: true, stdio: ['pipe', 'ignore', 'ignore'], cwd: '/' })
  let closed = false
  const gone = (reason: string) => {
    if (!closed) lost(reason)
    closed = true
  }
  shell.once('error', (error) => gone(error.message))
  shell.once('exit', (code, signal) => gone(signal ?? `code ${String(code)}`))
  shell.stdin.on('error', () => undefined)
  shell.unref()
  const write = (line: string) => {
    if (!closed) shell.stdin.write(line)
  }
  return {
    watch: (pids) => write(`${pids.join(' ')}\n`),
    close() {
      write('\n')
      closed = true
      shell.stdin.end()
    },
  }
}
