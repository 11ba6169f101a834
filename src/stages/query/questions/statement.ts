import { propertyText } from '../../../stores/warehouse/property-columns.ts'
import type { PropertyColumns } from '../../../stores/warehouse/property-columns.ts'
import type { QuestionParameters, WarehouseReader } from '../../../stores/warehouse/warehouse-reader.ts'

/** What the text of one statement refers to: values of users, which are bound and never part of it, and properties. */
export class Statement {
  readonly #columns: PropertyColumns
  readonly #values: Record<string, QuestionParameters[string]> = {}
  readonly #slow = new Set<string>()
  #count = 0

  constructor(columns: PropertyColumns) {
    this.#columns = columns
  }

  /** The name under which the value is bound, to put into the text: `{p0:String}`. */
  bind(value: QuestionParameters[string], type: string): string {
    const name = `p${String(this.#count)}`
    this.#count += 1
    this.#values[name] = value
    return `{${name}:${type}}`
  }

  /** The text of a property; '' when it is not set. */
  text(property: string): string {
    if (!this.#columns.has(property)) this.#slow.add(property)
    return propertyText(property, this.#columns)
  }

  /** The number of a property; NULL when it is none. */
  number(property: string): string {
    const number = `toFloat64OrNull(${this.text(property)})`
    return `if(isFinite(${number}), ${number}, NULL)`
  }

  get values(): QuestionParameters {
    return this.#values
  }

  /** Properties read out of the JSON, for want of a column. */
  get slowProperties(): readonly string[] {
    return [...this.#slow]
  }
}

/** Asks the project's view `events`; one of these for each question. */
export interface Asking {
  /** Properties that have a column now, for the statements to come. */
  columns(): Promise<PropertyColumns>
  /** The table behind a view, which has the rows of all projects and columns that no view shows. */
  tableName: WarehouseReader['tableName']
  /** 64-bit integers come as text. */
  rows(statement: Statement, sql: string): Promise<readonly (readonly unknown[])[]>
}

/** Who is counted: the stored hash, because it is faster than the distinct id. */
export const userKey = 'distinct_hash'

export function allOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '1' : conditions.map((condition) => `(${condition})`).join(' AND ')
}

const dayMs = 86_400_000
/** What the type of days can say. */
const [dayMsMin, dayMsMax] = [Date.UTC(1900, 0, 1), Date.UTC(2299, 11, 31)]

/**
 * The time is in the range, whose ends may be open. The table is sorted by days, so these are asked for as well, and alone
 * where the range begins or ends with a day.
 */
export function inPeriod(statement: Statement, fromMs: number | undefined, toMs: number | undefined): string {
  const conditions: string[] = []
  if (fromMs !== undefined) {
    if (isDay(fromMs)) conditions.push(`day >= ${statement.bind(dayText(fromMs), 'Date32')}`)
    if (!isDay(fromMs) || fromMs % dayMs !== 0) conditions.push(`timestamp >= ${instant(statement, fromMs)}`)
  }
  if (toMs !== undefined) {
    if (isDay(toMs)) conditions.push(`day <= ${statement.bind(dayText(toMs - 1), 'Date32')}`)
    if (!isDay(toMs) || toMs % dayMs !== 0) conditions.push(`timestamp < ${instant(statement, toMs)}`)
  }
  return allOf(conditions)
}

function isDay(ms: number): boolean {
  return ms > dayMsMin && ms < dayMsMax
}

export function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function instant(statement: Statement, ms: number): string {
  return `fromUnixTimestamp64Milli(${statement.bind(ms, 'Int64')}, 'UTC')`
}
