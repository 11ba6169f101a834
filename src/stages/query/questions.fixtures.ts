/**
 * What the answers mean, worked out event by event in memory: slowly, without SQL, and without the code under test.
 * Times of the calendar are read off a formatter for each event, rather than computed from the beginnings of intervals.
 */
import type { Breakdown } from './questions/breakdown.ts'
import type { EventsQuestion } from './questions/events.ts'
import type { FunnelAnswer, FunnelQuestion } from './questions/funnel.ts'
import type { PropertyFilter } from './questions/property-filter.ts'
import type { RetentionQuestion } from './questions/retention.ts'
import type { TrendAnswerSeries, TrendQuestion } from './questions/trend.ts'

export interface PlainEvent {
  readonly uuid: string
  readonly event: string
  readonly distinctId: string
  readonly timestampMs: number
  readonly properties: Readonly<Record<string, unknown>>
}

function textOf({ properties }: PlainEvent, property: string): string {
  const value = properties[property]
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function numberOf(event: PlainEvent, property: string): number | undefined {
  const text = textOf(event, property)
  return /^[+-]?\d+(\.\d+)?(e\d+)?$/.test(text) ? Number(text) : undefined
}

function passes(event: PlainEvent, filters: readonly PropertyFilter[] | undefined): boolean {
  return (filters ?? []).every(({ property, operator, value }) => {
    const text = textOf(event, property)
    const number = numberOf(event, property)
    const wanted = (Array.isArray(value) ? value : [value]).map(String)
    const one = wanted[0] ?? ''
    const contains = text.toLowerCase().includes(one.toLowerCase())
    const matches = () => new RegExp(one, 'su').test(text)
    switch (operator) {
      case 'is_set':
        return text !== ''
      case 'is_not_set':
        return text === ''
      case 'exact':
        return wanted.includes(text)
      case 'is_not':
        return !wanted.includes(text)
      case 'icontains':
        return contains
      case 'not_icontains':
        return !contains
      case 'regex':
        return matches()
      case 'not_regex':
        return !matches()
      case 'gt':
        return number !== undefined && number > Number(one)
      case 'gte':
        return number !== undefined && number >= Number(one)
      case 'lt':
        return number !== undefined && number < Number(one)
      case 'lte':
        return number !== undefined && number <= Number(one)
    }
  })
}

const formats = new Map<string, Intl.DateTimeFormat>()
const clock = new Map<string, string>()

/** What the clock shows: `2026-03-29 02:30`. */
function shown(ms: number, timezone: string): string {
  let format = formats.get(timezone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' })
    formats.set(timezone, format)
  }
  const key = `${timezone} ${String(ms)}`
  const known = clock.get(key) ?? format.format(ms).slice(0, 16)
  clock.set(key, known)
  return known
}

/** Names the interval that a time is in; two times are in the same one when it is the same name. */
export function intervalName(ms: number, interval: TrendQuestion['interval'], timezone: string): string {
  const text = shown(ms, timezone)
  // The clock shows an hour twice in autumn.
  if (interval === 'minute') return String(Math.floor(ms / 60_000))
  if (interval === 'hour')
    return `${text.slice(0, 13)} ${String(Date.parse(`${text}Z`) - Math.floor(ms / 60_000) * 60_000)}`
  if (interval === 'day') return text.slice(0, 10)
  if (interval === 'month') return text.slice(0, 7)
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`)
  const sinceMonday = (day.getUTCDay() + 6) % 7
  return new Date(day.getTime() - sinceMonday * 86_400_000).toISOString().slice(0, 10)
}

/** Names of all intervals from one time to another, found by walking. */
function intervalNames(fromMs: number, toMs: number, interval: TrendQuestion['interval'], timezone: string): string[] {
  const stepMs = interval === 'minute' ? 60_000 : 900_000
  const names: string[] = []
  for (let ms = fromMs; ms < toMs; ms += stepMs) {
    const name = intervalName(ms, interval, timezone)
    if (names.at(-1) !== name) names.push(name)
  }
  const last = intervalName(toMs - 1, interval, timezone)
  if (names.at(-1) !== last) names.push(last)
  return names
}

/** The one before, by its name. Of hours and minutes nobody asks: they are of the same length. */
function nameBefore(name: string, interval: 'day' | 'week' | 'month', count: number): string {
  const date = new Date(`${name.length === 7 ? `${name}-01` : name}T00:00:00Z`)
  if (interval === 'month') date.setUTCMonth(date.getUTCMonth() - count)
  else date.setUTCDate(date.getUTCDate() - count * (interval === 'day' ? 1 : 7))
  return date.toISOString().slice(0, interval === 'month' ? 7 : 10)
}

export function plainTrend(events: readonly PlainEvent[], question: TrendQuestion): TrendAnswerSeries[] {
  const { interval, timezone = 'UTC', breakdowns = [], breakdown_limit: limit = 10 } = question
  const [fromMs, toMs] = [Date.parse(question.from), Date.parse(question.to)]
  const names = intervalNames(fromMs, toMs, interval, timezone)
  const nameOf = (event: PlainEvent) => intervalName(event.timestampMs, interval, timezone)
  const isCurrent = ({ timestampMs }: PlainEvent) => timestampMs >= fromMs && timestampMs < toMs

  // Tests compare periods whose ends are ends of intervals, where the period before is a number of whole intervals.
  const lengthMs = names.length * (interval === 'minute' ? 60_000 : 3_600_000)
  const namesBefore =
    interval === 'minute' || interval === 'hour'
      ? intervalNames(fromMs - lengthMs, fromMs, interval, timezone)
      : names.map((name) => nameBefore(name, interval, names.length))
  const isPrevious = (event: PlainEvent) =>
    question.compare_previous === true && event.timestampMs < fromMs && namesBefore.includes(nameOf(event))

  return question.series.flatMap((series, index) => {
    const mine = events.filter(
      (event) =>
        (isCurrent(event) || isPrevious(event)) &&
        (series.event === undefined || event.event === series.event) &&
        passes(event, question.filters) &&
        passes(event, series.filters),
    )
    const groups = new Map<string, PlainEvent[]>()
    for (const event of mine) {
      const key = JSON.stringify(breakdowns.map((breakdown) => breakdownText(event, breakdown)))
      groups.set(key, [...(groups.get(key) ?? []), event])
    }
    if (breakdowns.length === 0 && groups.size === 0) groups.set('[]', [])
    const placed = [...groups]
      .map(([key, own]) => ({ texts: JSON.parse(key) as string[], own, weight: own.filter(isCurrent).length }))
      .sort((a, b) => b.weight - a.weight || compareLists(a.texts, b.texts))
    const kept = placed.slice(0, breakdowns.length === 0 ? 1 : limit).map(({ texts, own }) => ({
      own,
      is_other: false,
      breakdown: texts.map((text, at) => (breakdowns[at]?.kind === 'property' && text === '' ? null : text)),
    }))
    const others = placed.slice(kept.length).flatMap(({ own }) => own)
    const all = others.length === 0 ? kept : [...kept, { own: others, is_other: true, breakdown: [] }]
    return all.flatMap(({ own, is_other, breakdown }) =>
      (question.compare_previous === true ? (['current', 'previous'] as const) : (['current'] as const)).map(
        (period) => {
          const ofPeriod = own.filter(period === 'current' ? isCurrent : isPrevious)
          const labels = period === 'current' ? names : namesBefore
          return {
            series: index,
            name: series.name ?? series.event ?? 'All events',
            breakdown,
            is_other,
            period,
            values: labels.map((label) =>
              computed(
                ofPeriod.filter((event) => nameOf(event) === label),
                series,
              ),
            ),
            total: computed(ofPeriod, series),
          }
        },
      ),
    )
  })
}

function breakdownText(event: PlainEvent, breakdown: Breakdown): string {
  return breakdown.kind === 'event' ? event.event : textOf(event, breakdown.property)
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  for (const [at, text] of a.entries()) {
    const order = Buffer.compare(Buffer.from(text), Buffer.from(b[at] ?? ''))
    if (order !== 0) return order
  }
  return 0
}

function computed(events: readonly PlainEvent[], { math, property = '' }: TrendQuestion['series'][number]) {
  if (math === 'total') return events.length
  if (math === 'unique_users') return new Set(events.map(({ distinctId }) => distinctId)).size
  const numbers = events.flatMap((event) => numberOf(event, property) ?? []).sort((a, b) => a - b)
  if (numbers.length === 0) return null
  const sum = numbers.reduce((total, number) => total + number, 0)
  switch (math) {
    case 'sum':
      return sum
    case 'avg':
      return sum / numbers.length
    case 'min':
      return numbers[0] ?? null
    case 'max':
      return numbers.at(-1) ?? null
    case 'median':
      return between(numbers, 0.5)
    case 'p90':
      return between(numbers, 0.9)
    case 'p95':
      return between(numbers, 0.95)
    case 'p99':
      return between(numbers, 0.99)
  }
}

/** Between two numbers, in proportion. */
function between(sorted: readonly number[], level: number): number {
  const at = level * (sorted.length - 1)
  const below = sorted[Math.floor(at)] ?? 0
  const above = sorted[Math.ceil(at)] ?? below
  return below + (above - below) * (at - Math.floor(at))
}

export function plainFunnel(events: readonly PlainEvent[], question: FunnelQuestion): FunnelAnswer['breakdowns'] {
  const { steps, breakdown, breakdown_limit: limit = 10, window_seconds: windowSeconds = 1_209_600 } = question
  const [fromMs, toMs] = [Date.parse(question.from), Date.parse(question.to)]
  const users = new Map<string, PlainEvent[]>()
  for (const event of events) {
    if (event.timestampMs < fromMs || event.timestampMs >= toMs || !passes(event, question.filters)) continue
    users.set(event.distinctId, [...(users.get(event.distinctId) ?? []), event])
  }
  const levels = new Map<string, number[]>()
  for (const own of users.values()) {
    const fits = (at: number) =>
      own.filter((event) => event.event === steps[at]?.event && passes(event, steps[at].filters))
    const starts = fits(0)
    const first = [...starts].sort(compareTimes)[0]
    if (first === undefined) continue
    // Every way to go on from every beginning.
    const reached = (at: number, sinceMs: number, endMs: number): number =>
      at === steps.length
        ? at
        : Math.max(
            at,
            ...fits(at)
              .filter(({ timestampMs }) => timestampMs >= sinceMs && timestampMs <= endMs)
              .map(({ timestampMs }) => reached(at + 1, timestampMs, endMs)),
          )
    const level = Math.max(
      ...starts.map(({ timestampMs }) => reached(1, timestampMs, timestampMs + windowSeconds * 1000)),
    )
    const value = breakdown === undefined ? '' : textOf(first, breakdown.property)
    levels.set(value, [...(levels.get(value) ?? []), level])
  }
  const placed = [...levels].sort(
    ([a, own], [b, other]) => other.length - own.length || Buffer.compare(Buffer.from(a), Buffer.from(b)),
  )
  if (breakdown === undefined)
    return [{ value: null, is_other: false, steps: counted(question, [...levels.values()].flat()) }]
  const others = placed.slice(limit).flatMap(([, own]) => own)
  return [
    ...placed.slice(0, limit).map(([value, own]) => ({
      value: value === '' ? null : value,
      is_other: false,
      steps: counted(question, own),
    })),
    ...(others.length === 0 ? [] : [{ value: null, is_other: true, steps: counted(question, others) }]),
  ]
}

function counted({ steps }: FunnelQuestion, levels: readonly number[]): FunnelAnswer['breakdowns'][number]['steps'] {
  const users = steps.map((_, at) => levels.filter((level) => level > at).length)
  const share = (part = 0, whole = 0) => (whole === 0 ? 0 : part / whole)
  return steps.map(({ event, name = event }, at) => ({
    event,
    name,
    users: users[at] ?? 0,
    from_start: share(users[at], users[0]),
    from_previous: share(users[at], users[at === 0 ? 0 : at - 1]),
  }))
}

export function plainRetention(
  events: readonly PlainEvent[],
  question: RetentionQuestion,
): { readonly users: number; readonly returned: readonly number[] }[] {
  const { interval, timezone = 'UTC', periods } = question
  const [fromMs, toMs] = [Date.parse(question.from), Date.parse(question.to)]
  const names = intervalNames(fromMs, toMs, interval, timezone)
  const did = (what: RetentionQuestion['start'], name: string | undefined) =>
    new Set(
      events
        .filter(
          (event) =>
            event.timestampMs >= fromMs &&
            event.timestampMs < toMs &&
            intervalName(event.timestampMs, interval, timezone) === name &&
            (what.event === undefined || event.event === what.event) &&
            passes(event, what.filters),
        )
        .map(({ distinctId }) => distinctId),
    )
  const returns = names.map((name) => did(question.return, name))
  return names.map((name, at) => {
    const cohort = did(question.start, name)
    return {
      users: cohort.size,
      returned: returns
        .slice(at, at + periods)
        .map((returned) => [...cohort].filter((user) => returned.has(user)).length),
    }
  })
}

/** All pages as one. */
export function plainEvents(
  events: readonly PlainEvent[],
  question: Omit<EventsQuestion, 'limit' | 'cursor'>,
): PlainEvent[] {
  const { event, distinct_id: distinctId, after, before, filters } = question
  return events
    .filter(
      (own) =>
        (event === undefined || own.event === event) &&
        (distinctId === undefined || own.distinctId === distinctId) &&
        (after === undefined || own.timestampMs >= Date.parse(after)) &&
        (before === undefined || own.timestampMs < Date.parse(before)) &&
        passes(own, filters),
    )
    .sort((a, b) => compareTimes(b, a))
}

/** The engine compares the second half of an id before the first. */
function compareTimes(a: PlainEvent, b: PlainEvent): number {
  const turned = ({ uuid }: PlainEvent) => uuid.slice(18) + uuid.slice(0, 18)
  return a.timestampMs - b.timestampMs || (turned(a) < turned(b) ? -1 : 1)
}
