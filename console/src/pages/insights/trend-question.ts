import {
  filterDraftsFrom,
  filterLinkFrom,
  filtersFrom,
  type FilterDraft,
  type PropertyFilter,
} from '../../kit/property-filter.ts'
import { listFrom, oneOf, rawFrom, textFrom, wholeNumberFrom, type Raw } from './raw.ts'
import { fittingInterval, INTERVALS, type Interval, type Span } from './time-range.ts'

export const SERIES_MAX = 5
export const BREAKDOWNS_MAX = 2
export const BREAKDOWN_LIMIT_MAX = 50
export const BREAKDOWN_LIMIT_DEFAULT = 10

export const MATHS = ['total', 'unique_users', 'sum', 'avg', 'min', 'max', 'median', 'p90', 'p95', 'p99'] as const
export type SeriesMath = (typeof MATHS)[number]

export const MATH_WORDS: Readonly<Record<SeriesMath, string>> = {
  total: 'Total count',
  unique_users: 'Unique users',
  sum: 'Sum of property',
  avg: 'Average of property',
  min: 'Minimum of property',
  max: 'Maximum of property',
  median: 'Median of property',
  p90: '90th percentile of property',
  p95: '95th percentile of property',
  p99: '99th percentile of property',
}

/** An empty event means any event. */
export interface SeriesDraft {
  readonly event: string
  readonly math: SeriesMath
  readonly property: string
  readonly filters: readonly FilterDraft[]
  /** How the answer calls it; empty: by its event. Set by whoever saves through the API. */
  readonly name: string
}

export type BreakdownDraft = { readonly kind: 'event' } | { readonly kind: 'property'; readonly property: string }

export interface TrendDraft {
  readonly series: readonly SeriesDraft[]
  readonly filters: readonly FilterDraft[]
  readonly breakdowns: readonly BreakdownDraft[]
  readonly breakdownLimit: number
  readonly interval: Interval
  readonly compare: boolean
  readonly chart: 'line' | 'bar'
}

export interface TrendBody extends Span {
  series: { event?: string; math: SeriesMath; property?: string; filters?: PropertyFilter[]; name?: string }[]
  interval: Interval
  timezone: string
  filters?: PropertyFilter[]
  breakdowns?: ({ kind: 'event' } | { kind: 'property'; property: string })[]
  breakdown_limit: number
  compare_previous?: boolean
}

export const EMPTY_SERIES: SeriesDraft = { event: '', math: 'total', property: '', filters: [], name: '' }

export const NEW_TREND: TrendDraft = {
  series: [EMPTY_SERIES],
  filters: [],
  breakdowns: [],
  breakdownLimit: BREAKDOWN_LIMIT_DEFAULT,
  interval: 'day',
  compare: false,
  chart: 'line',
}

export function mathNeedsProperty(math: SeriesMath): boolean {
  return math !== 'total' && math !== 'unique_users'
}

/** What is still missing before the question can be asked, in words; undefined when nothing is. */
export function trendGap(draft: TrendDraft): string | undefined {
  const at = draft.series.findIndex((each) => mathNeedsProperty(each.math) && each.property.trim() === '')
  const series = draft.series[at]
  if (series === undefined) return undefined
  const which = draft.series.length > 1 ? `, in series ${letterOf(at)}` : ''
  return `Choose the property to take the ${MATH_WORDS[series.math].replace(' of property', '').toLowerCase()} of${which}.`
}

export function trendBody(draft: TrendDraft, span: Span, timezone: string): TrendBody {
  const filters = filtersFrom(draft.filters)
  const breakdowns = draft.breakdowns.filter((each) => each.kind === 'event' || each.property.trim() !== '')
  return {
    series: draft.series.map((each) => {
      const own = filtersFrom(each.filters)
      return {
        ...(each.event === '' ? {} : { event: each.event }),
        math: each.math,
        ...(mathNeedsProperty(each.math) ? { property: each.property.trim() } : {}),
        ...(own.length === 0 ? {} : { filters: own }),
        ...(each.name === '' ? {} : { name: each.name }),
      }
    }),
    ...span,
    interval: fittingInterval(span, draft.interval),
    timezone,
    ...(filters.length === 0 ? {} : { filters }),
    ...(breakdowns.length === 0 ? {} : { breakdowns: breakdowns.map((each) => ({ ...each })) }),
    breakdown_limit: draft.breakdownLimit,
    ...(draft.compare ? { compare_previous: true } : {}),
  }
}

/** Only what differs from a new question, so that links stay short. */
export function trendLink(draft: TrendDraft): Raw {
  return {
    series: draft.series.map((each) => ({
      ...(each.event === '' ? {} : { event: each.event }),
      math: each.math,
      ...(each.property === '' ? {} : { property: each.property }),
      ...(each.filters.length === 0 ? {} : { filters: filterLinkFrom(each.filters) }),
      ...(each.name === '' ? {} : { name: each.name }),
    })),
    interval: draft.interval,
    ...(draft.filters.length === 0 ? {} : { filters: filterLinkFrom(draft.filters) }),
    ...(draft.breakdowns.length === 0 ? {} : { breakdowns: draft.breakdowns }),
    ...(draft.breakdownLimit === BREAKDOWN_LIMIT_DEFAULT ? {} : { breakdown_limit: draft.breakdownLimit }),
    ...(draft.compare ? { compare_previous: true } : {}),
    ...(draft.chart === 'line' ? {} : { chart: draft.chart }),
  }
}

/** Reads links and saved questions alike: their fields have the same names. */
export function trendDraftFrom(raw: Raw): TrendDraft {
  const series = listFrom(raw['series'], SERIES_MAX).map((each) => seriesFrom(rawFrom(each)))
  return {
    series: series.length === 0 ? NEW_TREND.series : series,
    filters: filterDraftsFrom(raw['filters']),
    breakdowns: listFrom(raw['breakdowns'], BREAKDOWNS_MAX).map((each) => breakdownFrom(rawFrom(each))),
    breakdownLimit: wholeNumberFrom(raw['breakdown_limit'], {
      min: 1,
      max: BREAKDOWN_LIMIT_MAX,
      otherwise: BREAKDOWN_LIMIT_DEFAULT,
    }),
    interval: oneOf(raw['interval'], INTERVALS, 'day'),
    compare: raw['compare_previous'] === true,
    chart: oneOf(raw['chart'], ['line', 'bar'], 'line'),
  }
}

/** Series are called A to E. */
export function letterOf(index: number): string {
  return String.fromCharCode(65 + index)
}

function seriesFrom(raw: Raw): SeriesDraft {
  return {
    event: textFrom(raw['event']),
    math: oneOf(raw['math'], MATHS, 'total'),
    property: textFrom(raw['property']),
    filters: filterDraftsFrom(raw['filters']),
    name: textFrom(raw['name']),
  }
}

function breakdownFrom(raw: Raw): BreakdownDraft {
  return raw['kind'] === 'event' ? { kind: 'event' } : { kind: 'property', property: textFrom(raw['property']) }
}
