import type { RawInsertFormat } from 'chdb'

/** Formats that chDB takes as bytes. */
const formats: readonly RawInsertFormat[] = [
  ...(['JSONEachRow', 'JSONCompactEachRow', 'CSV', 'CSVWithNames', 'TSV', 'TabSeparated'] as const),
  ...(['TSVWithNames', 'TabSeparatedWithNames'] as const),
]

const name = '(?:`[\\w]+`|\\w+)'
const statement = new RegExp(
  `^\\s*INSERT\\s+INTO\\s+(?:TABLE\\s+)?(${name}(?:\\.${name})?)\\s*(?:\\(([\\w\\s,\`]+)\\))?\\s*FORMAT\\s+(\\w+)\\s*$`,
  'i',
)

export interface InsertTarget {
  readonly table: string
  readonly columns?: readonly string[]
  readonly format: RawInsertFormat
}

/** What `INSERT INTO table (columns) FORMAT name` says; undefined for anything beyond that. */
export function insertTargetOf(sql: string): InsertTarget | undefined {
  const [, table, columns, formatName] = statement.exec(sql) ?? []
  const format = formats.find((known) => known === formatName)
  if (table === undefined || format === undefined) return undefined
  const target = { table: table.replaceAll('`', ''), format }
  if (columns === undefined) return target
  return { ...target, columns: columns.split(',').map((column) => column.replaceAll('`', '').trim()) }
}
