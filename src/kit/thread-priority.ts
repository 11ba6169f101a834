/**
 * Who goes first where threads want the same core. On Linux a priority belongs to a thread, and threads that one starts inherit its
 * own; elsewhere it is the whole process's, so that nothing is done there.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

const isOfThreads = process.platform === 'linux'
/** As V8 names them. */
const engineThread = 'V8Worker'

/**
 * Of the threads that `start` starts, from their first moment on: a worker that only lowers itself has done its most expensive work by
 * then. Niceness as the kernel has it, up to 19: the higher, the later its turn.
 */
export function startLowered<T>(niceness: number, start: () => T): T {
  if (!isOfThreads) return start()
  const before = new Set(threadIds())
  const started = start()
  for (const id of threadIds()) if (!before.has(id)) lower(id, niceness)
  return started
}

/**
 * A worker of the file of this name beside the module that asks (its `import.meta.url`), lowered. Sources run as .ts, the published
 * build as .js.
 */
export function startLoweredWorker(name: string, askerUrl: string, niceness: number, workerData?: unknown): Worker {
  const file = new URL(`${name}${extname(askerUrl)}`, askerUrl)
  return startLowered(niceness, () => new Worker(file, { workerData }))
}

/** Of the threads that compile and collect garbage for this process. V8 has started them before any of our code runs. */
export function lowerEngineThreads(niceness: number): void {
  if (!isOfThreads) return
  for (const id of threadIds()) {
    if (readFileSync(`/proc/self/task/${id}/comm`, 'latin1').trim() === engineThread) lower(id, niceness)
  }
}

function threadIds(): readonly string[] {
  return readdirSync('/proc/self/task')
}

function lower(id: string, niceness: number): void {
  try {
    setPriority(Number(id), niceness)
  } catch {
    // The thread has ended, or a container forbids it: everything works without.
  }
}
