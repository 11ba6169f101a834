/** The answer to a trend as lines of a chart and rows of a table. */
import type { AnswerTo } from '../../api/client.ts'
import type { Interval } from './time-range.ts'

export type TrendAnswer = AnswerTo<'/api/projects/{id}/trend', 'post'>
type AnswerSeries = TrendAnswer['series'][number]

export interface TrendLine {
  readonly name: string
  readonly values: readonly (number | null)[]
  readonly isPrevious: boolean
}

export interface TotalRow {
  readonly name: string
  readonly total: number | null
  /** Undefined when the question compares with nothing. */
  readonly previous: number | null | undefined
}

/** More cannot be told apart in one picture; the table has them all. */
export const LINES_MAX = 20

/** The current lines, the largest totals first, each followed by its previous period. */
export function trendLines(answer: TrendAnswer): TrendLine[] {
  const isSingle = new Set(answer.series.map((each) => each.series)).size === 1
  return pairsOf(answer)
    .slice(0, LINES_MAX)
    .flatMap(({ current, previous }) => {
      const name = nameOf(current, isSingle)
      return [
        { name, values: current.values, isPrevious: false },
        ...(previous === undefined ? [] : [{ name: `${name} (before)`, values: previous.values, isPrevious: true }]),
      ]
    })
}

export function totalRows(answer: TrendAnswer): TotalRow[] {
  const isSingle = new Set(answer.series.map((each) => each.series)).size === 1
  const isCompared = answer.series.some((each) => each.period === 'previous')
  return pairsOf(answer).map(({ current, previous }) => ({
    name: nameOf(current, isSingle),
    total: current.total,
    previous: isCompared ? (previous?.total ?? null) : undefined,
  }))
}

/** How much more or less than before, 0.25 for a quarter more; undefined when there is nothing to compare with. */
export function changeOf(row: TotalRow): number | undefined {
  if (row.total === null || row.previous === null || row.previous === undefined || row.previous === 0) return undefined
  return (row.total - row.previous) / Math.abs(row.previous)
}

/** Nothing but zeros and gaps: true means that no event was like the question. */
export function isNothing(answer: TrendAnswer): boolean {
  return answer.series.every((each) => each.values.every((value) => value === null || value === 0))
}

/** Names the start of an interval as people do: a day by its date, a minute by the clock. */
export function intervalFormat(interval: Interval, timeZone: string): (time: string) => string {
  const day = { timeZone, year: 'numeric', month: 'short', day: 'numeric' } as const
  const options: Readonly<Record<Interval, Intl.DateTimeFormatOptions>> = {
    minute: { ...day, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    hour: { ...day, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
    day: { ...day, weekday: 'short' },
    week: day,
    month: { timeZone, year: 'numeric', month: 'long' },
  }
  const format = new Intl.DateTimeFormat('en-GB', options[interval])
  return (time) => (interval === 'week' ? `Week of ${format.format(new Date(time))}` : format.format(new Date(time)))
}

function pairsOf(answer: TrendAnswer): { current: AnswerSeries; previous: AnswerSeries | undefined }[] {
  const previous = new Map(
    answer.series.filter((each) => each.period === 'previous').map((each) => [keyOf(each), each]),
  )
  return answer.series
    .filter((each) => each.period === 'current')
    .map((current) => ({ current, previous: previous.get(keyOf(current)) }))
    .sort((a, b) => rankOf(a.current) - rankOf(b.current) || (b.current.total ?? 0) - (a.current.total ?? 0))
}

/** Without breakdowns the series keep their order; what did not make the limit comes last. */
function rankOf(series: AnswerSeries): number {
  if (series.is_other) return 1_000
  return series.breakdown.length === 0 ? series.series : 100
}

function keyOf(series: AnswerSeries): string {
  return JSON.stringify([series.series, series.is_other, series.breakdown])
}

function nameOf(series: AnswerSeries, isSingle: boolean): string {
  const values = series.is_other
    ? 'All others'
    : series.breakdown.map((value) => (value === null || value === '' ? '(not set)' : value)).join(' · ')
  if (values === '') return series.name
  return isSingle ? values : `${series.name}: ${values}`
}
