/**
 * The event loop's end of the background thread. The thread starts with the first task; one that dies rejects what it
 * was doing, and the next task starts another.
 */
import type { Worker } from 'node:worker_threads'
import { Failure } from '../../../../kit/failure.ts'
import { startLoweredWorker } from '../../../../kit/thread-priority.ts'
import { KeyFileDamaged, type LoadedKeyFile } from './key-file.ts'
import type { KeyFileAnswer, KeyFileTask } from './key-file-tasks.ts'

const niceness = 10

export class KeyFileThread {
  #worker: Worker | undefined
  #lastId = 0
  readonly #waiting = new Map<number, PromiseWithResolvers<LoadedKeyFile | undefined>>()

  /**
   * Undefined when the task ended without a file because of `stop`.
   * Rejects with KeyFileDamaged, or with a retryable Failure when the task or the thread broke.
   */
  run(task: KeyFileTask): Promise<LoadedKeyFile | undefined> {
    const id = ++this.#lastId
    const waiting = Promise.withResolvers<LoadedKeyFile | undefined>()
    this.#waiting.set(id, waiting)
    this.#worker ??= this.#start()
    this.#worker.postMessage({ id, task })
    return waiting.promise
  }

  /** Ends the thread wherever it is. */
  async end(): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = startLoweredWorker('key-file-worker', import.meta.url, niceness)
    worker.on('message', (answer: KeyFileAnswer) => this.#settle(answer))
    let cause: unknown
    worker.on('error', (error: unknown) => {
      cause = error
    })
    worker.on('exit', () => {
      this.#worker = undefined
      for (const waiting of this.#waiting.values())
        waiting.reject(
          new Failure('SLUICE_DUPLICATE_INDEX_THREAD', 'The background thread of the duplicate index ended.', {
            retryable: true,
            cause,
          }),
        )
      this.#waiting.clear()
    })
    return worker
  }

  #settle(answer: KeyFileAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.outcome === 'done') waiting?.resolve(answer.file)
    else if (answer.outcome === 'damaged') waiting?.reject(new KeyFileDamaged(answer.path, answer.reason))
    else
      waiting?.reject(
        new Failure('SLUICE_DUPLICATE_INDEX_FILE', `A key file could not be read or written: ${answer.reason}`, {
          retryable: true,
          cause: answer.code,
        }),
      )
  }
}
