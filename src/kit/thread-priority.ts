/**
 * Who goes first where threads want the same core. On Linux a priority belongs to a thread, and threads that one starts inherit its
 * own; elsewhere it is the whole process's, so that nothing is done there.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'

const isOfThreads = process.platform === 'linux'
/** As V8 names them. */
const engineThread = 'V8Worker'

/** Of the calling thread. Niceness as the kernel has it, up to 19: the higher, the later its turn. */
export function lowerThisThread(niceness: number): void {
  if (isOfThreads) setPriority(0, niceness)
}

/** Of the threads that compile and collect garbage for this process. V8 has started them before any of our code runs. */
export function lowerEngineThreads(niceness: number): void {
  if (!isOfThreads) return
  for (const id of readdirSync('/proc/self/task')) {
    if (readFileSync(`/proc/self/task/${id}/comm`, 'latin1').trim() === engineThread) setPriority(Number(id), niceness)
  }
}
