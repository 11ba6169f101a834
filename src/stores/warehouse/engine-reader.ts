import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Failure } from '../../kit/failure.ts'
import { ProjectViews } from './project-views.ts'
import type { PropertyColumns } from './property-columns.ts'
import { cancelled, QuestionTurns } from './question-turns.ts'
import { answerFrom, outOfTime, questionFailure } from './question-wire.ts'
import { engineCodeOf } from './engine-error.ts'
import type { EngineLink } from './engine-link.ts'
import { onCluster, tableName } from './layout.ts'
import type { Layout } from './layout.ts'
import type { Answer, Question, WarehouseReader } from './warehouse-reader.ts'
import type { TableName } from './warehouse.ts'

export interface EngineReaderConfig {
  readonly questionsAtOnceMax: number
  readonly questionsWaitingMax: number
  /** Threads that one question may compute with. */
  readonly questionThreadsMax: number
}

export const engineReaderDefaults: EngineReaderConfig = {
  questionsAtOnceMax: 2,
  questionsWaitingMax: 100,
  questionThreadsMax: 2,
}

export interface EngineReaderParts {
  readonly layout: Layout
  readonly config: EngineReaderConfig
  /** Makes views and kills questions. */
  readonly control: EngineLink
  /**
   * Runs a question with `questionSettings` and gives the engine's answer as it is (`JSONCompact`), or rejects with the
   * client's error. Ends soon after the question was killed.
   */
  readonly run: (id: string, question: Question, stop: AbortSignal) => Promise<string>
  /** Which machine has the question, to kill it there. */
  readonly controlOf: (question: Question) => EngineLink
  /** Lets go of whatever else is open. */
  readonly onClose: () => Promise<void>
}

/**
 * Asks an engine. Who gives up on a question has it killed from the control link, by the question's id in `log_comment`, because
 * what computes cannot be interrupted from where it was asked.
 */
export class EngineReader implements WarehouseReader {
  readonly #parts: EngineReaderParts
  readonly #closing = new AbortController()
  readonly #views: ProjectViews
  readonly #turns: QuestionTurns
  #closed: Promise<void> | undefined

  constructor(parts: EngineReaderParts) {
    this.#parts = parts
    this.#views = new ProjectViews(parts.control, parts.layout)
    this.#turns = new QuestionTurns(parts.config.questionsAtOnceMax, parts.config.questionsWaitingMax)
  }

  async ask(question: Question): Promise<Answer> {
    const givenUp = AbortSignal.any([question.signal, this.#closing.signal])
    await this.#turns.take(givenUp)
    try {
      return await this.#run(question, givenUp)
    } finally {
      this.#turns.give()
    }
  }

  async #run(question: Question, givenUp: AbortSignal): Promise<Answer> {
    if (givenUp.aborted) throw cancelled(undefined)
    const { limits } = question
    const id = randomUUID()
    const timeIsOver = AbortSignal.timeout(limits.timeMs)
    const stop = AbortSignal.any([givenUp, timeIsOver])
    const done = new AbortController()
    const onStop = () => void this.#kill(id, question, done.signal)
    stop.addEventListener('abort', onStop, { once: true })
    try {
      return answerFrom(await this.#parts.run(id, question, stop), limits.resultBytesMax)
    } catch (cause) {
      if (cause instanceof Failure) throw cause
      if (isAborted(givenUp)) throw cancelled(cause)
      // The engine itself says so when it can still be heard.
      if (isAborted(timeIsOver) && engineCodeOf(cause) === undefined) throw outOfTime(limits, cause)
      throw questionFailure(cause, question)
    } finally {
      stop.removeEventListener('abort', onStop)
      done.abort()
    }
  }

  /** The statement may not have begun yet, so it is killed until it is gone. */
  async #kill(id: string, question: Question, done: AbortSignal): Promise<void> {
    const { layout, controlOf } = this.#parts
    while (!done.aborted) {
      // A kill that fails is tried again; the engine's own time limit ends the question in the worst case.
      await controlOf(question)
        .command(`KILL QUERY${onCluster(layout)} WHERE Settings['log_comment'] = '${id}' ASYNC`)
        .catch(() => undefined)
      await pause(20)
    }
  }

  propertyColumns(): Promise<PropertyColumns> {
    return this.#views.columns()
  }

  projectDatabase(projectId: number): Promise<string> {
    return this.#views.database(projectId)
  }

  tableName(table: TableName): string {
    return tableName(this.#parts.layout, table)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    await this.#turns.idle()
    await this.#views.settled()
    await this.#parts.control.close()
    await this.#parts.onClose()
  }
}

/** A function, because the compiler takes the signal for unchanged since it was looked at last. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
