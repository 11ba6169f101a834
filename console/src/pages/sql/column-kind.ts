export type ColumnKind = 'number' | 'time' | 'text' | 'other'

/** What can be done with a column of this ClickHouse type, whatever wraps it. */
export function columnKind(type: string): ColumnKind {
  const inner = /^(?:Nullable|LowCardinality)\((.*)\)$/s.exec(type)?.[1]
  if (inner !== undefined) return columnKind(inner)
  if (/^(?:U?Int\d+|Float\d+|BFloat16|Decimal)/.test(type)) return 'number'
  if (/^(?:Date|DateTime)/.test(type)) return 'time'
  if (/^(?:String|FixedString|UUID|Bool|Enum|IPv[46])/.test(type)) return 'text'
  return 'other'
}

/** The number of a cell. Integers of 64 bits and more come as text; for a chart the nearest double is good enough. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'string' || value.trim() === '') return null
  const number = Number(value)
  return Number.isFinite(number) ? number : null
}

/** The instant of a cell as Unix milliseconds. ClickHouse writes no zone; the table's times are UTC. */
export function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return null
  const parts = /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(\.\d{1,3})?\d*Z?)?$/.exec(value)
  if (parts === null) return null
  const ms = Date.parse(`${parts[1] ?? ''}T${parts[2] ?? '00:00:00'}${parts[3] ?? ''}Z`)
  return Number.isNaN(ms) ? null : ms
}

/** How a cell reads; null has no text of its own. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return JSON.stringify(value)
}
