/**
 * How a period is cut into intervals. The calendar is computed here, not in the engine: it gets the beginnings as numbers.
 *
 * Words:
 * - local: milliseconds that read like UTC but stand for what a clock in the time zone shows.
 * - slot: what the engine says of an event instead of its interval; `Slots` knows which one it is.
 */
import { Type } from 'typebox'
import { senseless, tooMuch } from './refused-question.ts'
import { oneOf } from './schema-pieces.ts'
import { dayText } from './statement.ts'
import type { Statement } from './statement.ts'

export const intervalNames = ['minute', 'hour', 'day', 'week', 'month'] as const
export type Interval = (typeof intervalNames)[number]

export const Interval = oneOf(intervalNames, { description: 'Weeks begin on Monday.' })

export const Timezone = Type.String({
  minLength: 1,
  maxLength: 64,
  default: 'UTC',
  description: 'IANA name of the time zone in which intervals begin, like Europe/Berlin.',
})

/** Most intervals that a question may have. */
export const intervalsMax = 2000

const minuteMs = 60_000
const hourMs = 3_600_000
const dayMs = 86_400_000
/** Times that fit into the engine's seconds. */
const timeMsMax = Date.UTC(2100, 0, 1)

export interface Range {
  /** Inclusive. */
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
}

export interface Intervals {
  readonly current: Range
  /** As many intervals earlier, at the same times of the clock. */
  readonly previous: Range
  /** Beginnings of the intervals of the current period. */
  readonly startsMs: readonly number[]
  /** Where the last of them ends. */
  readonly endMs: number
  /** Of the period before, just as many. */
  readonly previousStartsMs: readonly number[]
}

export interface IntervalsQuestion {
  readonly from: string
  readonly to: string
  readonly interval: Interval
  readonly timezone?: string
}

export function intervalsOf(question: IntervalsQuestion, countMax: number): Intervals {
  const current = periodOf(question)
  const { fromMs, toMs } = current
  const { interval } = question
  const clock = clockOf(question.timezone ?? 'UTC')
  const startAt = startsFrom(fromMs, interval, clock)
  const startsMs: number[] = []
  for (let startMs = startAt(0); startMs < toMs; startMs = startAt(startsMs.length)) {
    if (startsMs.length === countMax) {
      throw tooMuch('interval', `The period has more than ${String(countMax)} of them; take a longer one.`)
    }
    startsMs.push(startMs)
  }
  const count = startsMs.length
  return {
    current,
    previous: { fromMs: earlier(fromMs, count, interval, clock), toMs: earlier(toMs, count, interval, clock) },
    startsMs,
    endMs: startAt(count),
    previousStartsMs: startsMs.map((_, at) => startAt(at - count)),
  }
}

export function periodOf({ from, to }: { readonly from: string; readonly to: string }): Range {
  const fromMs = timeFrom(from, 'from')
  const toMs = timeFrom(to, 'to')
  if (fromMs >= toMs) throw senseless('to', 'The period ends before it begins.')
  if (fromMs < 0) throw senseless('from', 'Periods begin in 1970 at the earliest.')
  if (toMs > timeMsMax) throw senseless('to', 'Periods end in 2100 at the latest.')
  return { fromMs, toMs }
}

export function timeFrom(text: string, field: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms)) throw senseless(field, 'This is no time like 2026-03-10T12:00:00.000Z.')
  return ms
}

/** Says in the engine which interval an event is in. */
export interface Slots {
  /** SQL that gives the slot, a number that grows with time. */
  readonly expression: string
  /** Slots, in the order of the beginnings. */
  readonly values: readonly number[]
  /** SQL of a whole number that is `begin` in the first slot and one more in each that follows; undefined where slots are no such numbers. */
  readonly counter: { readonly expression: string; readonly begin: number } | undefined
}

export function slotsOf(statement: Statement, intervals: Intervals, withPrevious: boolean): Slots {
  const startsMs = withPrevious ? [...intervals.previousStartsMs, ...intervals.startsMs] : intervals.startsMs
  const [firstMs = 0, secondMs = intervals.endMs] = startsMs
  const stepMs = secondMs - firstMs
  const isEven = [...startsMs, intervals.endMs].every((startMs, at) => startMs === firstMs + at * stepMs)
  const indices = startsMs.map((_, at) => at)
  if (isEven && stepMs === dayMs && firstMs % dayMs === 0) {
    // Stored, and the table is sorted by it.
    const first = statement.bind(dayText(firstMs), 'Date32')
    return {
      expression: `toInt32(day) - toInt32(${first})`,
      values: indices,
      counter: { expression: 'toInt32(day)', begin: firstMs / dayMs },
    }
  }
  const seconds = 'toUnixTimestamp(timestamp)'
  if (isEven) {
    const first = statement.bind(firstMs / 1000, 'Int64')
    const expression = `intDiv(${seconds} - ${first}, ${statement.bind(stepMs / 1000, 'Int64')})`
    return { expression, values: indices, counter: { expression, begin: 0 } }
  }
  const values = startsMs.map((startMs) => startMs / 1000)
  const expression = `toInt64(roundDown(${seconds}, ${statement.bind(values, 'Array(UInt32)')}))`
  return { expression, values, counter: undefined }
}

/** Where the interval begins that is so many after the one with `fromMs` in it. */
function startsFrom(fromMs: number, interval: Interval, clock: Clock): (at: number) => number {
  const local = clock.localOf(fromMs)
  if (interval === 'minute' || interval === 'hour') {
    const stepMs = interval === 'minute' ? minuteMs : hourMs
    const firstMs = fromMs - modulo(local, stepMs)
    return (at) => firstMs + at * stepMs
  }
  const date = new Date(local)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  if (interval === 'month') return (at) => clock.instantOf(Date.UTC(year, month + at, 1))
  if (interval === 'day') return (at) => clock.instantOf(Date.UTC(year, month, day + at))
  const monday = day - ((date.getUTCDay() + 6) % 7)
  return (at) => clock.instantOf(Date.UTC(year, month, monday + at * 7))
}

/** The same time of the clock, so many intervals earlier; of a shorter month the last day. */
function earlier(ms: number, count: number, interval: Interval, clock: Clock): number {
  if (interval === 'minute') return ms - count * minuteMs
  if (interval === 'hour') return ms - count * hourMs
  const local = clock.localOf(ms)
  if (interval !== 'month') return clock.instantOf(local - count * (interval === 'day' ? 1 : 7) * dayMs)
  const date = new Date(local)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() - count]
  const daysInMonth = new Date(Date.UTC(year, month + 1, 0)).getUTCDate()
  const midnight = Date.UTC(year, month, Math.min(date.getUTCDate(), daysInMonth))
  return clock.instantOf(midnight + modulo(local, dayMs))
}

interface Clock {
  localOf(ms: number): number
  /** The first instant at which the clock shows it; where it jumps over it, the jump. */
  instantOf(local: number): number
}

function clockOf(timezone: string): Clock {
  const offsetAt = offsetsOf(timezone)
  return {
    localOf: (ms) => ms + offsetAt(ms),
    instantOf(local) {
      const offsets = [offsetAt(local - dayMs), offsetAt(local + dayMs)]
      const shown = offsets.map((offset) => local - offset).filter((ms) => ms + offsetAt(ms) === local)
      return shown.length === 0 ? local - Math.min(...offsets) : Math.min(...shown)
    },
  }
}

function offsetsOf(timezone: string): (ms: number) => number {
  if (timezone === 'UTC') return () => 0
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    throw senseless('timezone', 'There is no such time zone. Give an IANA name like Europe/Berlin.')
  }
  return (ms) => {
    const shown: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {}
    for (const { type, value } of format.formatToParts(ms)) shown[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
    return Date.UTC(year, month - 1, day, hour, minute, second) - (ms - modulo(ms, 1000))
  }
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor
}
