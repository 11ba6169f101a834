/**
 * What of a table can be drawn:
 * - a column of times and one of numbers: lines over time; a column of texts beside one number makes a line for each text.
 * - a column of texts and one of numbers: bars.
 * - anything else: nothing.
 */
import { cellText, columnKind, numberOf, timeOf } from './column-kind.ts'

interface Table {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly unknown[])[]
}

export interface LinesChart {
  readonly kind: 'lines'
  readonly label: string
  readonly times: readonly string[]
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[]
  /** What is not drawn, in words; undefined when everything is. */
  readonly leftOut: string | undefined
}

export interface BarsChart {
  readonly kind: 'bars'
  readonly label: string
  readonly bars: readonly { readonly name: string; readonly value: number }[]
  readonly leftOut: string | undefined
}

/** More than these could not be told apart. */
export const linesMax = 10
export const barsMax = 50
const timesMax = 5_000

export function chartOf(table: Table): LinesChart | BarsChart | undefined {
  const kinds = table.columns.map(({ type }) => columnKind(type))
  const placesOf = (kind: string): number[] => kinds.flatMap((one, place) => (one === kind ? [place] : []))
  const numbers = placesOf('number')
  const [time] = placesOf('time')
  const [text] = placesOf('text')
  const [first] = numbers
  if (first === undefined || table.rows.length === 0) return undefined
  if (time !== undefined) {
    return text === undefined
      ? linesOfColumns(table, time, numbers)
      : linesOfTexts(table, { time, text, number: first })
  }
  return text === undefined ? undefined : barsOf(table, text, first)
}

function linesOfColumns(table: Table, time: number, numbers: readonly number[]): LinesChart | undefined {
  const drawn = numbers.slice(0, linesMax)
  return lines(table, {
    time,
    names: drawn.map((place) => nameOf(table, place)),
    put: (row, add) => drawn.forEach((place, line) => add(line, row[place])),
    leftOut: numbers.length > drawn.length ? `the first ${String(linesMax)} columns of numbers` : undefined,
    label: `${drawn.map((place) => nameOf(table, place)).join(', ')} by ${nameOf(table, time)}`,
  })
}

function linesOfTexts(
  table: Table,
  { time, text, number }: { readonly time: number; readonly text: number; readonly number: number },
): LinesChart | undefined {
  const totals = new Map<string, number>()
  for (const row of table.rows) {
    const name = shownName(row[text])
    totals.set(name, (totals.get(name) ?? 0) + Math.abs(numberOf(row[number]) ?? 0))
  }
  const names = [...totals].sort((a, b) => b[1] - a[1]).map(([name]) => name)
  const drawn = names.slice(0, linesMax)
  return lines(table, {
    time,
    names: drawn,
    put: (row, add) => {
      const line = drawn.indexOf(shownName(row[text]))
      if (line >= 0) add(line, row[number])
    },
    leftOut:
      names.length > drawn.length
        ? `the ${String(linesMax)} largest of ${String(names.length)} values of ${nameOf(table, text)}`
        : undefined,
    label: `${nameOf(table, number)} by ${nameOf(table, time)} and ${nameOf(table, text)}`,
  })
}

interface Drawing {
  readonly time: number
  readonly names: readonly string[]
  put(row: readonly unknown[], add: (line: number, value: unknown) => void): void
  readonly leftOut: string | undefined
  readonly label: string
}

function lines(table: Table, drawing: Drawing): LinesChart | undefined {
  const byTime = new Map<number, (number | null)[]>()
  for (const row of table.rows) {
    const at = timeOf(row[drawing.time])
    if (at === null) continue
    const values = byTime.get(at) ?? drawing.names.map(() => null)
    byTime.set(at, values)
    // Rows that share time and name are parts of one: they are added up.
    drawing.put(row, (line, value) => {
      const number = numberOf(value)
      if (number !== null) values[line] = (values[line] ?? 0) + number
    })
  }
  const inOrder = [...byTime].sort(([a], [b]) => a - b)
  if (inOrder.length < 2) return undefined
  const shown = inOrder.slice(-timesMax)
  const parts = [
    drawing.leftOut,
    shown.length < inOrder.length ? `the newest ${String(timesMax)} times` : undefined,
  ].filter((part) => part !== undefined)
  return {
    kind: 'lines',
    label: drawing.label,
    times: shown.map(([at]) => new Date(at).toISOString()),
    series: drawing.names.map((name, line) => ({ name, values: shown.map(([, values]) => values[line] ?? null) })),
    leftOut: parts.length === 0 ? undefined : `Drawn: ${parts.join(', ')}.`,
  }
}

function barsOf(table: Table, text: number, number: number): BarsChart {
  const bars = table.rows.slice(0, barsMax).flatMap((row) => {
    const value = numberOf(row[number])
    return value === null ? [] : [{ name: shownName(row[text]), value }]
  })
  return {
    kind: 'bars',
    label: `${nameOf(table, number)} by ${nameOf(table, text)}`,
    bars,
    leftOut: table.rows.length > barsMax ? `Drawn: the first ${String(barsMax)} rows.` : undefined,
  }
}

function nameOf(table: Table, place: number): string {
  return table.columns[place]?.name ?? ''
}

function shownName(value: unknown): string {
  const text = cellText(value)
  return text === '' ? '(empty)' : text
}
