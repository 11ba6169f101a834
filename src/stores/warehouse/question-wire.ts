/**
 * How a question and its answer are written for the engine: limits as settings, parameters as text, the answer as `JSONCompact`,
 * and what the engine's errors mean to whoever asked.
 */
import { Failure } from '../../kit/failure.ts'
import { engineCodeOf, engineMessageOf, isTooLargeToRead, isTransient } from './engine-error.ts'
import { sqlString } from './sql-text.ts'
import type { Answer, Column, Question, QuestionLimits, QuestionParameters } from './warehouse-reader.ts'

/** A question's memory has a bound of its own. */
const freeBytesPerThreadMin = String(64 * 1024 ** 2)

/** `id` is by what a question is found again to be killed. */
export function questionSettings(id: string, limits: QuestionLimits, threadsMax: number) {
  return {
    default_format: 'JSONCompact',
    log_comment: id,
    max_execution_time: limits.timeMs / 1000,
    timeout_overflow_mode: 'throw',
    max_memory_usage: String(limits.memoryBytes),
    max_result_rows: String(limits.rowsMax),
    max_result_bytes: String(limits.resultBytesMax),
    result_overflow_mode: 'throw',
    max_threads: threadsMax,
    // By default the engine takes one thread when it has less than 1 GiB for each, and it has 2 GiB in all.
    max_threads_min_free_memory_per_thread: freeBytesPerThreadMin,
    output_format_json_quote_64bit_integers: 1,
    output_format_json_quote_decimals: 1,
    // Last: nothing can be set after it.
    readonly: '1',
  } as const
}

interface JsonCompact {
  readonly meta: readonly Column[]
  readonly data: readonly (readonly unknown[])[]
  readonly statistics: { readonly elapsed: number; readonly rows_read: number; readonly bytes_read: number }
}

export function answerFrom(json: string, bytesMax: number): Answer {
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

/** From each parameter's name to the text that the engine reads its value from. */
export function parameterTexts(parameters: QuestionParameters): ReadonlyMap<string, string> {
  const texts = new Map<string, string>()
  for (const [name, value] of Object.entries(parameters)) {
    if (!/^\w{1,100}$/.test(name)) {
      throw new Failure('SLUICE_QUERY_REFUSED', `A parameter cannot be called ${JSON.stringify(name)}.`)
    }
    texts.set(name, parameterText(value))
  }
  return texts
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
  115, 117, 125, 130, 153, 164, 167, 168, 179, 182, 184, 190, 206, 207, 215, 220, 229, 291, 306, 344, 386, 395, 403,
  407, 427, 440, 456, 457, 501, 581, 636,
])

export function questionFailure(cause: unknown, { limits }: Question): Failure {
  const message = engineMessageOf(cause)
  const code = engineCodeOf(cause)
  if (isTooLargeToRead(cause)) {
    return new Failure('SLUICE_QUERY_TOO_LARGE', `The question is too large for the warehouse. ${message}`, { cause })
  }
  switch (code) {
    // Killed although nobody gave up on it: its time was over.
    case 159:
    case 160:
    case 394:
      return outOfTime(limits, cause)
    case 241:
      return new Failure('SLUICE_QUERY_MEMORY', message, { cause })
    case 158:
    case 396:
      return tooLarge(message, cause)
    case 202:
      return new Failure('SLUICE_QUERY_BUSY', message, { retryable: true, cause })
    case undefined:
      return new Failure('SLUICE_QUERY_FAILED', message, { cause })
    default:
      if (refusedCodes.has(code)) return new Failure('SLUICE_QUERY_REFUSED', message, { cause })
      return new Failure('SLUICE_QUERY_FAILED', message, { retryable: isTransient(code), cause })
  }
}

export function outOfTime(limits: QuestionLimits, cause: unknown): Failure {
  return new Failure('SLUICE_QUERY_TIMEOUT', `The question took longer than ${String(limits.timeMs)} ms.`, { cause })
}

function tooLarge(message: string, cause?: unknown): Failure {
  return new Failure('SLUICE_QUERY_TOO_LARGE', `The answer is too large. ${message}`, { cause })
}
