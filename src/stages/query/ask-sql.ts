import { Failure } from '../../kit/failure.ts'
import type {
  Column,
  QuestionLimits,
  QuestionParameters,
  WarehouseReader,
} from '../../stores/warehouse/warehouse-reader.ts'
import { questionLimits } from './question-limits.ts'
import type { QuestionBounds } from './question-limits.ts'
import { canonicalSql, checkCanonical, checkTree, explainSql, sqlCharactersMax } from './scope.ts'

export interface AskSqlDeps extends QuestionBounds {
  readonly reader: WarehouseReader
}

export interface SqlAnswer {
  readonly columns: readonly Column[]
  readonly rows: readonly (readonly unknown[])[]
  /** Of the engine, for this question alone. */
  readonly elapsedMs: number
  readonly rowsRead: number
}

/**
 * Answers a question that a user wrote in SQL over its own project: one SELECT over its views. Rejects with the
 * codes of `WarehouseReader.ask`; `SLUICE_QUERY_REFUSED` says what is not permitted.
 */
export type AskSql = (
  projectId: number,
  query: string,
  parameters: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<SqlAnswer>

/** Reading a text takes milliseconds; a tree has at most 50,000 nodes, which is the engine's own limit. */
const checkLimits: QuestionLimits = {
  timeMs: 5000,
  memoryBytes: 256 * 1024 ** 2,
  rowsMax: 100_000,
  resultBytesMax: 16 * 1024 ** 2,
}

export function createAskSql(deps: AskSqlDeps): AskSql {
  const { reader } = deps
  const limits = questionLimits(deps)
  return async function askSql(projectId, query, parameters, signal) {
    if (query.length > sqlCharactersMax) {
      throw refused(`The question is longer than ${String(sqlCharactersMax)} characters.`)
    }
    const values = parametersFrom(parameters)
    const canonical = await canonicalOf(query, signal)
    checkCanonical(canonical)
    const database = await reader.projectDatabase(projectId)
    const bound = { parameters: values, database, signal }
    const tree = await reader.ask({ ...bound, sql: explainSql(canonical), limits: checkLimits })
    checkTree(tree.rows.map(([line]) => String(line)))
    const { columns, rows, elapsedMs, rowsRead } = await reader.ask({ ...bound, sql: canonical, limits, isHeavy: true })
    return { columns, rows, elapsedMs, rowsRead }
  }

  async function canonicalOf(sql: string, signal: AbortSignal): Promise<string> {
    const { rows } = await reader.ask({ sql: canonicalSql, parameters: { sql }, limits: checkLimits, signal })
    return String(rows[0]?.[0])
  }
}

const parametersMax = 100

function parametersFrom(parameters: Readonly<Record<string, unknown>>): QuestionParameters {
  const entries = Object.entries(parameters)
  if (entries.length > parametersMax) throw refused(`There are more than ${String(parametersMax)} parameters.`)
  for (const [name, value] of entries) {
    if (!isValue(value)) {
      throw refused(`The parameter ${JSON.stringify(name)} is no text, number, boolean, or list of texts or numbers.`)
    }
  }
  return parameters as QuestionParameters
}

function isValue(value: unknown): boolean {
  if (typeof value === 'boolean') return true
  return isTextOrNumber(value) || (Array.isArray(value) && value.every(isTextOrNumber))
}

function isTextOrNumber(value: unknown): boolean {
  return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))
}

function refused(message: string): Failure {
  return new Failure('SLUICE_QUERY_REFUSED', message)
}
