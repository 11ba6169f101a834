/**
 * Words used here:
 * - rolling: a range that ends with the running day or hour and moves on with the clock ("last 7 days").
 * - fixed: a range between two instants that never moves.
 *
 * The API keeps only instants. A rolling range always ends in the future of the moment it was saved at (the end of the
 * running day or hour), a fixed one that ended then does not: that is how a saved question is told apart on opening.
 */
export type TimeRange =
  | { readonly kind: 'rolling'; readonly amount: number; readonly unit: 'hour' | 'day' }
  | { readonly kind: 'fixed'; readonly from: string; readonly to: string }

/** `to` is exclusive. */
export interface Span {
  readonly from: string
  readonly to: string
}

export type Interval = 'minute' | 'hour' | 'day' | 'week' | 'month'

export const INTERVALS: readonly Interval[] = ['minute', 'hour', 'day', 'week', 'month']
export const INTERVALS_MAX = 2_000

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const INTERVAL_MS: Readonly<Record<Interval, number>> = {
  minute: 60_000,
  hour: HOUR_MS,
  day: DAY_MS,
  week: 7 * DAY_MS,
  month: 30 * DAY_MS,
}
const ROLLING_MAX = { hour: 1_000, day: 3_660 } as const

export const PRESETS: readonly { readonly value: string; readonly label: string; readonly range: TimeRange }[] = [
  { value: 'hour-1', label: 'This hour', range: { kind: 'rolling', amount: 1, unit: 'hour' } },
  { value: 'hour-24', label: 'Last 24 hours', range: { kind: 'rolling', amount: 24, unit: 'hour' } },
  { value: 'day-1', label: 'Today', range: { kind: 'rolling', amount: 1, unit: 'day' } },
  { value: 'day-7', label: 'Last 7 days', range: { kind: 'rolling', amount: 7, unit: 'day' } },
  { value: 'day-14', label: 'Last 14 days', range: { kind: 'rolling', amount: 14, unit: 'day' } },
  { value: 'day-30', label: 'Last 30 days', range: { kind: 'rolling', amount: 30, unit: 'day' } },
  { value: 'day-90', label: 'Last 90 days', range: { kind: 'rolling', amount: 90, unit: 'day' } },
  { value: 'day-180', label: 'Last 180 days', range: { kind: 'rolling', amount: 180, unit: 'day' } },
  { value: 'day-365', label: 'Last 365 days', range: { kind: 'rolling', amount: 365, unit: 'day' } },
]

export function isTimeZone(value: unknown): value is string {
  if (typeof value !== 'string' || value === '') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return true
  } catch {
    return false
  }
}

/** Two calls within the same day (or hour) give the same instants, so the same question is not asked twice. */
export function spanOf(range: TimeRange, now: Date, timeZone: string): Span {
  if (range.kind === 'fixed') return { from: range.from, to: range.to }
  if (range.unit === 'hour') {
    const to = (Math.floor(now.getTime() / HOUR_MS) + 1) * HOUR_MS
    return { from: isoOf(to - range.amount * HOUR_MS), to: isoOf(to) }
  }
  const today = dayIn(now, timeZone)
  return {
    from: startOfDay(shiftDay(today, 1 - range.amount), timeZone),
    to: startOfDay(shiftDay(today, 1), timeZone),
  }
}

/** The range that a question kept by the API means; `savedAt` is when it was kept. */
export function rangeFromSaved(span: Span, savedAt: Date, timeZone: string): TimeRange {
  const from = Date.parse(span.from)
  const to = Date.parse(span.to)
  const fixed: TimeRange = { kind: 'fixed', from: span.from, to: span.to }
  if (!(to > savedAt.getTime()) || !(from < to)) return fixed
  const candidates: TimeRange[] = [
    { kind: 'rolling', amount: Math.max(1, Math.round((to - from) / DAY_MS)), unit: 'day' },
    { kind: 'rolling', amount: Math.max(1, Math.round((to - from) / HOUR_MS)), unit: 'hour' },
  ]
  const rolled = candidates.find((candidate) => {
    const then = spanOf(candidate, savedAt, timeZone)
    return Date.parse(then.from) === from && Date.parse(then.to) === to
  })
  return rolled ?? fixed
}

export function rangeFrom(raw: unknown): TimeRange | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  if ('amount' in raw && 'unit' in raw) {
    const { amount, unit } = raw
    if (unit !== 'hour' && unit !== 'day') return undefined
    if (typeof amount !== 'number' || !Number.isInteger(amount) || amount < 1 || amount > ROLLING_MAX[unit])
      return undefined
    return { kind: 'rolling', amount, unit }
  }
  if (!('from' in raw && 'to' in raw)) return undefined
  const from = instantFrom(raw.from)
  const to = instantFrom(raw.to)
  if (from === undefined || to === undefined || from >= to) return undefined
  return { kind: 'fixed', from, to }
}

/** The range of whole days from the first to the last, both included; undefined when they are in the wrong order. */
export function rangeOfDays(firstDay: string, lastDay: string, timeZone: string): TimeRange | undefined {
  if (!isDay(firstDay) || !isDay(lastDay) || firstDay > lastDay) return undefined
  return { kind: 'fixed', from: startOfDay(firstDay, timeZone), to: startOfDay(shiftDay(lastDay, 1), timeZone) }
}

/** First and last day (included) that a span touches, as date inputs take them. */
export function daysOf(span: Span, timeZone: string): { readonly first: string; readonly last: string } {
  return { first: dayIn(new Date(span.from), timeZone), last: dayIn(new Date(Date.parse(span.to) - 1), timeZone) }
}

export function presetOf(range: TimeRange): string {
  return range.kind === 'fixed' ? 'fixed' : `${range.unit}-${String(range.amount)}`
}

export function intervalCount(span: Span, interval: Interval): number {
  return Math.ceil((Date.parse(span.to) - Date.parse(span.from)) / INTERVAL_MS[interval])
}

/** The interval itself when the span has at most as many as may be asked for, else the finest one that fits. */
export function fittingInterval(span: Span, interval: Interval): Interval {
  const from = INTERVALS.indexOf(interval)
  return INTERVALS.slice(from).find((each) => intervalCount(span, each) <= INTERVALS_MAX) ?? 'month'
}

/** `2026-11-21` of the instant, in the time zone. */
function dayIn(instant: Date, timeZone: string): string {
  return new Date(instant.getTime() + offsetMs(instant.getTime(), timeZone)).toISOString().slice(0, 10)
}

function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text))
}

function shiftDay(day: string, days: number): string {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10)
}

/** Where the clocks change at midnight, the first guess is off by the change; the second one is not. */
function startOfDay(day: string, timeZone: string): string {
  const wall = Date.parse(day)
  const guess = wall - offsetMs(wall, timeZone)
  return isoOf(wall - offsetMs(guess, timeZone))
}

function offsetMs(instantMs: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(instantMs)
  const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((each) => each.type === type)?.value)
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'))
  return wall - Math.floor(instantMs / 1_000) * 1_000
}

function instantFrom(raw: unknown): string | undefined {
  if (typeof raw !== 'string') return undefined
  const instant = Date.parse(raw)
  return Number.isNaN(instant) ? undefined : isoOf(instant)
}

function isoOf(instantMs: number): string {
  return new Date(instantMs).toISOString()
}
