/** How often something happened, over time. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Breakdown, BreakdownLimit, breakdownLimitDefault, breakdownTexts, breakdownValue } from './breakdown.ts'
import { Interval, intervalsMax, intervalsOf, slotsOf, Timezone } from './intervals.ts'
import type { Intervals, Slots } from './intervals.ts'
import { filterConditions, PropertyFilters, PropertyName } from './property-filter.ts'
import { senseless } from './refused-question.ts'
import { From, NumberOrNull, oneOf, time, To } from './schema-pieces.ts'
import { allOf, inPeriod, Statement, userKey } from './statement.ts'
import type { Asking } from './statement.ts'

const TrendSeries = Type.Object(
  {
    event: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1000, description: 'Name of the event; without it, every event.' }),
    ),
    math: oneOf(['total', 'unique_users', 'sum', 'avg', 'min', 'max', 'median', 'p90', 'p95', 'p99'], {
      description:
        'total counts events, unique_users distinct ids; the others compute with the numbers of `property` and leave out what is no number.',
    }),
    property: Type.Optional(PropertyName),
    filters: Type.Optional(PropertyFilters),
    name: Type.Optional(Type.String({ maxLength: 200, description: 'How the answer calls the series.' })),
  },
  { additionalProperties: false },
)

export const TrendQuestion = Type.Object(
  {
    series: Type.Array(TrendSeries, { minItems: 1, maxItems: 5 }),
    from: From,
    to: To,
    interval: Interval,
    timezone: Type.Optional(Timezone),
    filters: Type.Optional(PropertyFilters),
    breakdowns: Type.Optional(Type.Array(Breakdown, { maxItems: 2 })),
    breakdown_limit: Type.Optional(BreakdownLimit),
    compare_previous: Type.Optional(
      Type.Boolean({
        description: 'Ask about the period before too: the same times, as many intervals earlier as the period has.',
      }),
    ),
  },
  {
    additionalProperties: false,
    title: 'TrendQuestion',
    description: `How often something happened, over time. At most ${String(intervalsMax)} intervals.`,
  },
)
export type TrendQuestion = Static<typeof TrendQuestion>

export const TrendAnswerSeries = Type.Object({
  series: Type.Integer({ description: 'Index of the series in the question.' }),
  name: Type.String(),
  breakdown: Type.Array(Type.Unsafe<string | null>({ type: ['string', 'null'] }), {
    description: 'A value for each breakdown of the question; null: not set. Empty for `is_other`.',
  }),
  is_other: Type.Boolean({ description: 'Everything that did not make the limit, as one.' }),
  period: oneOf(['current', 'previous']),
  values: Type.Array(NumberOrNull, {
    description: 'One for each interval. Null where there is no number to compute with; counts are 0 then.',
  }),
  total: Type.Unsafe<number | null>({
    type: ['number', 'null'],
    description: 'Over the whole period; of unique users not the sum.',
  }),
})
export type TrendAnswerSeries = Static<typeof TrendAnswerSeries>

export const TrendAnswer = Type.Object({
  intervals: Type.Array(time('Beginning of an interval of the current period.')),
  series: Type.Array(TrendAnswerSeries),
})
export type TrendAnswer = Static<typeof TrendAnswer>

type Series = TrendQuestion['series'][number]

export async function askTrend(asking: Asking, question: TrendQuestion): Promise<TrendAnswer> {
  const intervals = intervalsOf(question, intervalsMax)
  for (const [at, series] of question.series.entries()) checkSeries(series, at)
  const answers: (readonly TrendAnswerSeries[])[] = []
  for (const at of question.series.keys()) answers.push(await askSeries(asking, question, intervals, at))
  return { intervals: intervals.startsMs.map((ms) => new Date(ms).toISOString()), series: answers.flat() }
}

function checkSeries({ math, property }: Series, at: number): void {
  const isCount = math === 'total' || math === 'unique_users'
  if (!isCount && property === undefined) throw senseless(`series.${String(at)}.property`, `${math} needs a property.`)
  if (isCount && property !== undefined) {
    throw senseless(`series.${String(at)}.property`, `${math} takes no property; to narrow a series down, use filters.`)
  }
}

/**
 * One pass over the events: a state for each slot and breakdown. All else is done with these states: the most frequent values
 * are found, the others become one, and the states of the intervals are merged to those of the whole period.
 */
async function askSeries(
  asking: Asking,
  question: TrendQuestion,
  intervals: Intervals,
  at: number,
): Promise<readonly TrendAnswerSeries[]> {
  const series = question.series[at]
  if (series === undefined) return []
  const statement = new Statement(await asking.columns())
  const isCompared = question.compare_previous === true
  const slots = slotsOf(statement, intervals, isCompared)
  const firstSlot = slots.values[isCompared ? intervals.startsMs.length : 0] ?? 0
  const { state, merge } = aggregateOf(statement, series)
  const texts = breakdownTexts(statement, question.breakdowns ?? [])
  const keys = texts.map((_, index) => `key${String(index)}`)
  const conditions = [
    inPeriods(statement, intervals, isCompared),
    ...(series.event === undefined ? [] : [`event = ${statement.bind(series.event, 'String')}`]),
    ...filterConditions(statement, question.filters, 'filters'),
    ...filterConditions(statement, series.filters, `series.${String(at)}.filters`),
  ]
  const events = `FROM events WHERE ${allOf(conditions)}`
  const named = texts.map((text, index) => `${text} AS key${String(index)}`)
  const { counter, values } = slots
  const states =
    series.math === 'total' && counter !== undefined && values.length <= countersMax
      ? countsBySlot(counter, values.length, named, keys, events)
      : `SELECT ${[`${slots.expression} AS slot`, ...named, 'count() AS n', `${state} AS state`].join()}
        ${events} GROUP BY ${['slot', ...keys].join()}`
  const limit = statement.bind(question.breakdown_limit ?? breakdownLimitDefault, 'UInt32')
  const placed =
    keys.length === 0 ? `SELECT *, 1 AS place FROM (${states})` : placedStates(states, keys, firstSlot, limit)
  const rows = await asking.rows(
    statement,
    `SELECT place, ${[...keys, ''].join()} arrayJoin([slot, if(slot >= ${String(firstSlot)}, ${String(currentTotal)}, ${String(previousTotal)})]) AS at, ${merge}
     FROM (${placed}) GROUP BY ${['at', 'place', ...keys].join()} ORDER BY place`,
  )
  return seriesFrom(rows, question, at, slots.values, intervals.startsMs.length)
}

/** Slots for which each breakdown has a counter, which costs memory whether they are needed or not. */
const countersMax = 64

/** A group for each breakdown alone, with a counter for each slot: a third faster than a group for both. */
function countsBySlot(
  { expression, begin }: NonNullable<Slots['counter']>,
  slotCount: number,
  named: readonly string[],
  keys: readonly string[],
  events: string,
): string {
  const ends = `${String(begin)}, ${String(begin + slotCount)}`
  const counts = `SELECT ${[...named, `countResample(${ends}, 1)(${expression}) AS counts`].join()}
    ${events}${keys.length === 0 ? '' : ` GROUP BY ${keys.join()}`}`
  return `SELECT ${['toInt64(slot) AS slot', ...keys, 'counts[slot + 1] AS n', '0 AS state'].join()}
    FROM (${counts}) ARRAY JOIN range(${String(slotCount)}) AS slot WHERE n > 0`
}

/** What stands in a row instead of a slot when its value is of a whole period. */
const currentTotal = -1
const previousTotal = -2

/** Adds the place of each breakdown among the most frequent of the current period; those behind the limit have one place. */
function placedStates(states: string, keys: readonly string[], firstSlot: number, limit: string): string {
  const names = keys.join()
  const counted = `SELECT *, sum(if(slot >= ${String(firstSlot)}, n, 0)) OVER (PARTITION BY ${names}) AS weight FROM (${states})`
  const ranked = `SELECT *, dense_rank() OVER (ORDER BY weight DESC, ${names}) AS rank FROM (${counted})`
  const kept = keys.map((key) => `if(rank > ${limit}, '', ${key}_of_all) AS ${key}`)
  const renamed = keys.map((key) => `${key} AS ${key}_of_all`)
  return `SELECT slot, n, state, least(rank, ${limit} + 1) AS place, ${kept.join()}
    FROM (SELECT slot, n, state, rank, ${renamed.join()} FROM (${ranked}))`
}

function inPeriods(statement: Statement, { current, previous }: Intervals, isCompared: boolean): string {
  if (!isCompared) return inPeriod(statement, current.fromMs, current.toMs)
  if (previous.fromMs < 0) throw senseless('compare_previous', 'The period before begins earlier than 1970.')
  if (previous.toMs === current.fromMs) return inPeriod(statement, previous.fromMs, current.toMs)
  const either = [previous, current].map(({ fromMs, toMs }) => `(${inPeriod(statement, fromMs, toMs)})`)
  return either.join(' OR ')
}

const quantiles: Readonly<Partial<Record<Series['math'], number>>> = { median: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 }

/** The state of an aggregate, and the value of several of them together. */
function aggregateOf(
  statement: Statement,
  { math, property = '' }: Series,
): { readonly state: string; readonly merge: string } {
  if (math === 'total') return { state: '0', merge: 'sum(n)' }
  if (math === 'unique_users') return { state: `uniqExactState(${userKey})`, merge: 'uniqExactMerge(state)' }
  const quantile = quantiles[math]
  const [name, level] = quantile === undefined ? [math, ''] : ['quantileExactInclusive', `(${String(quantile)})`]
  return { state: `${name}State${level}(${statement.number(property)})`, merge: `${name}Merge${level}(state)` }
}

type Row = readonly unknown[]

function seriesFrom(
  rows: readonly Row[],
  question: TrendQuestion,
  index: number,
  slots: readonly number[],
  count: number,
): readonly TrendAnswerSeries[] {
  const { event, math, name = event ?? 'All events' } = question.series[index] ?? { math: 'total' }
  const breakdowns = question.breakdowns ?? []
  const limit = question.breakdown_limit ?? breakdownLimitDefault
  const isCount = math === 'total' || math === 'unique_users'
  const nothing = isCount ? 0 : null
  const atOfSlot = new Map(slots.map((slot, at) => [slot, at]))

  const places = new Map<number, Row[]>()
  for (const row of rows) {
    const place = Number(row[0])
    const own = places.get(place)
    if (own === undefined) places.set(place, [row])
    else own.push(row)
  }
  if (breakdowns.length === 0 && places.size === 0) places.set(1, [])

  return [...places].flatMap(([place, own]) => {
    const isOther = breakdowns.length > 0 && place > limit
    const values: (number | null)[] = slots.map(() => nothing)
    const totals = new Map<number, number | null>()
    for (const row of own) {
      const slot = Number(row[breakdowns.length + 1])
      const given = row[breakdowns.length + 2]
      const value = given === null ? nothing : Number(given)
      const at = atOfSlot.get(slot)
      if (at === undefined) totals.set(slot, value)
      else values[at] = value
    }
    const shown = {
      series: index,
      name,
      breakdown: isOther ? [] : breakdowns.map((breakdown, at) => breakdownValue(breakdown, own[0]?.[at + 1])),
      is_other: isOther,
    }
    const current = {
      ...shown,
      period: 'current' as const,
      values: values.slice(-count),
      total: totals.get(currentTotal) ?? nothing,
    }
    if (question.compare_previous !== true) return [current]
    const total = totals.get(previousTotal) ?? nothing
    return [current, { ...shown, period: 'previous' as const, values: values.slice(0, count), total }]
  })
}
