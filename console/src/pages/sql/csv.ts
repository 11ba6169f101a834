/**
 * CSV as RFC 4180 has it: CRLF between records, quotes around what needs them, quotes inside doubled, one header record.
 *
 * Spreadsheets run a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return as a formula, quoted or not,
 * and what stands in events comes from anyone. Such texts get a `'` in front, which spreadsheets take as "this is text".
 * Columns of numbers are left as they are, so −5 stays a number.
 */
import { cellText, columnKind } from './column-kind.ts'

interface Table {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly unknown[])[]
}

export function csvOf({ columns, rows }: Table): string {
  const isNumber = columns.map(({ type }) => columnKind(type) === 'number')
  const records = [
    columns.map(({ name }) => quoted(harmless(name))),
    ...rows.map((row) =>
      columns.map((_, index) => {
        const text = cellText(row[index])
        return quoted(isNumber[index] === true ? text : harmless(text))
      }),
    ),
  ]
  return records.map((record) => `${record.join(',')}\r\n`).join('')
}

function harmless(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
