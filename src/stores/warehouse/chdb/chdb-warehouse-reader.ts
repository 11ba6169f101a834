import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { Failure } from '../../../kit/failure.ts'
import type { PropertyColumns } from '../property-columns.ts'
import { projectDatabaseName, projectViewStatements } from '../project-view.ts'
import { sqlName, sqlString } from '../sql-text.ts'
import type { Answer, Column, Question, QuestionParameters, WarehouseReader } from '../warehouse-reader.ts'
import type { ChdbEngine, ChdbLink } from './chdb-engine.ts'
import { engineCodeOf, engineMessageOf } from './chdb-error.ts'
import { readPropertyColumns } from './read-property-columns.ts'

export interface ChdbWarehouseReaderConfig {
  /** Each holds a thread of libuv's pool while it runs. */
  readonly questionsAtOnceMax: number
  readonly questionsWaitingMax: number
  /** Threads that one question may compute with. */
  readonly questionThreadsMax: number
}

export const chdbWarehouseReaderDefaults: ChdbWarehouseReaderConfig = {
  questionsAtOnceMax: 2,
  questionsWaitingMax: 100,
  questionThreadsMax: 2,
}

/** A question's memory has a bound of its own. */
const freeBytesPerThreadMin = String(64 * 1024 ** 2)

export function openChdbWarehouseReader(
  engine: ChdbEngine,
  config: ChdbWarehouseReaderConfig = chdbWarehouseReaderDefaults,
): WarehouseReader {
  return new ChdbWarehouseReader(engine, config)
}

const columnsKeptMs = 1000

/**
 * Each question has a link of its own, opened for it and closed after it, because whatever is `SET` on a link stays there
 * (limits, parameters, `readonly`). The native calls cannot be interrupted: who gives up on a question has it killed
 * from the control link, by the question's id in `log_comment`.
 *
 * The client's own `query_params` are not used: the package runs all such queries of a process one after another.
 */
class ChdbWarehouseReader implements WarehouseReader {
  readonly #engine: ChdbEngine
  readonly #config: ChdbWarehouseReaderConfig
  readonly #control: ChdbLink
  readonly #closing = new AbortController()
  readonly #views = new Map<number, Promise<string>>()
  #columns: { readonly read: Promise<PropertyColumns>; readonly atMs: number } | undefined
  /** How many property columns the views have. */
  #columnsOfViews = 0
  readonly #waiting: (() => void)[] = []
  #running = 0
  #idle: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(engine: ChdbEngine, config: ChdbWarehouseReaderConfig) {
    this.#engine = engine
    this.#config = config
    this.#control = engine.connect()
  }

  async ask(question: Question): Promise<Answer> {
    const givenUp = AbortSignal.any([question.signal, this.#closing.signal])
    await this.#takeTurn(givenUp)
    const link = this.#engine.connect()
    try {
      return await this.#run(link, question, givenUp)
    } finally {
      await link.close()
      this.#giveTurn()
    }
  }

  async #run(link: ChdbLink, question: Question, givenUp: AbortSignal): Promise<Answer> {
    if (givenUp.aborted) throw cancelled(undefined)
    const id = randomUUID()
    const outOfTime = AbortSignal.timeout(question.limits.timeMs)
    const stop = AbortSignal.any([givenUp, outOfTime])
    const done = new AbortController()
    const onStop = () => void this.#kill(id, done.signal)
    stop.addEventListener('abort', onStop, { once: true })
    try {
      return await this.#answer(link, id, question)
    } catch (cause) {
      if (cause instanceof Failure) throw cause
      if (isAborted(givenUp)) throw cancelled(cause)
      throw questionFailure(cause, question)
    } finally {
      stop.removeEventListener('abort', onStop)
      done.abort()
    }
  }

  async #answer(link: ChdbLink, id: string, { sql, parameters, database, limits }: Question): Promise<Answer> {
    for (const statement of parameterStatements(parameters ?? {})) await link.client.command({ query: statement })
    if (database !== undefined) await link.client.command({ query: `USE ${sqlName(database)}` })
    // The client's `query` would write FORMAT behind the text, where it means something else to an EXPLAIN.
    const result = await link.client.exec({
      query: sql,
      clickhouse_settings: {
        default_format: 'JSONCompact',
        log_comment: id,
        max_execution_time: limits.timeMs / 1000,
        timeout_overflow_mode: 'throw',
        max_memory_usage: String(limits.memoryBytes),
        max_result_rows: String(limits.rowsMax),
        max_result_bytes: String(limits.resultBytesMax),
        result_overflow_mode: 'throw',
        max_threads: this.#config.questionThreadsMax,
        // By default the engine takes one thread when it has less than 1 GiB for each, and it has 2 GiB in all.
        max_threads_min_free_memory_per_thread: freeBytesPerThreadMin,
        output_format_json_quote_64bit_integers: 1,
        output_format_json_quote_decimals: 1,
        // Last: nothing can be set after it.
        readonly: '1',
      },
    })
    return answerFrom(await text(result.stream), limits.resultBytesMax)
  }

  /** The statement may not have begun yet, so it is killed until it is gone. */
  async #kill(id: string, done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      // A kill that fails is tried again; the engine's own time limit ends the question in the worst case.
      await this.#control.client
        .command({ query: `KILL QUERY WHERE Settings['log_comment'] = '${id}' ASYNC` })
        .catch(() => undefined)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  propertyColumns(): Promise<PropertyColumns> {
    const nowMs = performance.now()
    if (this.#columns === undefined || nowMs - this.#columns.atMs > columnsKeptMs) {
      const read = this.#readColumns()
      this.#columns = { read, atMs: nowMs }
      read.catch(() => (this.#columns = undefined))
    }
    return this.#columns.read
  }

  async #readColumns(): Promise<PropertyColumns> {
    try {
      return await readPropertyColumns(this.#control)
    } catch (cause) {
      throw new Failure('SLUICE_QUERY_FAILED', `The columns could not be read: ${engineMessageOf(cause)}`, {
        retryable: true,
        cause,
      })
    }
  }

  async projectDatabase(projectId: number): Promise<string> {
    if (!Number.isSafeInteger(projectId) || projectId <= 0) {
      throw new Failure('SLUICE_QUERY_REFUSED', `There is no view for project ${String(projectId)}.`)
    }
    const columns = await this.propertyColumns()
    // Columns are only ever added: the same number means the same ones.
    if (columns.size > this.#columnsOfViews) {
      this.#views.clear()
      this.#columnsOfViews = columns.size
    }
    const known = this.#views.get(projectId)
    if (known !== undefined) return known
    const made = this.#makeView(projectId, columns)
    this.#views.set(projectId, made)
    made.catch(() => this.#views.delete(projectId))
    return made
  }

  async #makeView(projectId: number, columns: PropertyColumns): Promise<string> {
    try {
      for (const statement of projectViewStatements(projectId, columns)) {
        await this.#control.client.command({ query: statement })
      }
      return projectDatabaseName(projectId)
    } catch (cause) {
      throw new Failure('SLUICE_QUERY_FAILED', `The view could not be made: ${engineMessageOf(cause)}`, {
        retryable: true,
        cause,
      })
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    await Promise.allSettled([this.#columns?.read, ...this.#views.values()])
    await this.#control.close()
  }

  async #takeTurn(givenUp: AbortSignal): Promise<void> {
    if (givenUp.aborted) throw cancelled(undefined)
    if (this.#running < this.#config.questionsAtOnceMax) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= this.#config.questionsWaitingMax) {
      throw new Failure('SLUICE_QUERY_BUSY', 'Too many questions wait already. Ask again later.', { retryable: true })
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1)
        reject(cancelled(undefined))
      }
      // Whoever ends hands its turn over, so the count of running questions stays.
      const turn = () => {
        givenUp.removeEventListener('abort', leave)
        resolve()
      }
      this.#waiting.push(turn)
      givenUp.addEventListener('abort', leave, { once: true })
    })
  }

  #giveTurn(): void {
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next()
      return
    }
    this.#running -= 1
    if (this.#running === 0) this.#idle?.()
  }
}

/** A function, because the compiler takes the signal for unchanged since it was looked at last. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}

interface JsonCompact {
  readonly meta: readonly Column[]
  readonly data: readonly (readonly unknown[])[]
  readonly statistics: { readonly elapsed: number; readonly rows_read: number; readonly bytes_read: number }
}

function answerFrom(json: string, bytesMax: number): Answer {
  if (json.length > bytesMax) throw tooLarge(`The answer has ${String(json.length)} characters.`)
  let parsed: JsonCompact
  try {
    parsed = JSON.parse(json) as JsonCompact
  } catch (cause) {
    // What fails half-way leaves the beginning of an answer behind, with the exception glued to it.
    const message = /Code: \d+\. DB::Exception:[^]*/.exec(json)?.[0]
    throw message === undefined
      ? new Failure('SLUICE_QUERY_FAILED', 'The engine broke off its answer.', { cause })
      : new Error(message)
  }
  const { meta, data, statistics } = parsed
  return {
    columns: meta.map(({ name, type }) => ({ name, type })),
    rows: data,
    elapsedMs: statistics.elapsed * 1000,
    rowsRead: statistics.rows_read,
    bytesRead: statistics.bytes_read,
  }
}

function parameterStatements(parameters: QuestionParameters): string[] {
  return Object.entries(parameters).map(([name, value]) => {
    if (!/^\w{1,100}$/.test(name)) {
      throw new Failure('SLUICE_QUERY_REFUSED', `A parameter cannot be called ${JSON.stringify(name)}.`)
    }
    return `SET param_${name} = ${sqlString(parameterText(value))}`
  })
}

/** The text form that the engine reads a parameter from: tab-separated escapes outside, SQL literals within arrays. */
function parameterText(value: QuestionParameters[string]): string {
  if (typeof value === 'string') return escaped(value)
  if (typeof value !== 'object') return String(value)
  return `[${value.map((element) => (typeof element === 'string' ? sqlString(element) : String(element))).join(',')}]`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
}

/** Engine errors that whoever wrote the question can cure; see ClickHouse's ErrorCodes.cpp for the names. */
const refusedCodes = new Set([
  6, 8, 10, 15, 16, 20, 26, 27, 35, 36, 38, 41, 42, 43, 44, 46, 47, 50, 51, 52, 53, 56, 60, 62, 63, 67, 69, 70, 72, 81,
  115, 117, 125, 130, 153, 164, 167, 168, 179, 182, 184, 190, 202, 206, 207, 215, 220, 229, 291, 306, 344, 386, 395,
  403, 407, 427, 440, 456, 457, 501, 581, 636,
])

function questionFailure(cause: unknown, { limits }: Question): Failure {
  const message = engineMessageOf(cause)
  const code = engineCodeOf(cause)
  switch (code) {
    // Killed although nobody gave up on it: its time was over.
    case 159:
    case 160:
    case 394:
      return new Failure('SLUICE_QUERY_TIMEOUT', `The question took longer than ${String(limits.timeMs)} ms.`, {
        cause,
      })
    case 241:
      return new Failure('SLUICE_QUERY_MEMORY', message, { cause })
    case 158:
    case 396:
      return tooLarge(message, cause)
    case undefined:
      return new Failure('SLUICE_QUERY_FAILED', message, { cause })
    default:
      return new Failure(refusedCodes.has(code) ? 'SLUICE_QUERY_REFUSED' : 'SLUICE_QUERY_FAILED', message, { cause })
  }
}

function tooLarge(message: string, cause?: unknown): Failure {
  return new Failure('SLUICE_QUERY_TOO_LARGE', `The answer is too large. ${message}`, { cause })
}

function cancelled(cause: unknown): Failure {
  return new Failure('SLUICE_QUERY_CANCELLED', 'The question was cancelled.', { cause })
}
