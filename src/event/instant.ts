/**
 * Reads the times that clients write. One reader for the door (`sent_at`) and for ingestion (`timestamp`), so that
 * both agree on what a time is. Sources: capture spec §8 (accepted formats), plugin server spec §2.5.
 *
 * A text without a zone is UTC. Sub-milliseconds are cut off. A date that does not exist (30 February) is no time.
 *
 * | form | example |
 * |---|---|
 * | RFC 3339 and ISO 8601 calendar dates, basic or extended | `2021-10-29T12:00:00.123+02:00`, `2021-10-29 12:00`, `20211029T120000Z`, `2021-10-29` |
 * | zone of hours only, or spelled out | `…12:00:00+03`, `…12:00:00 UTC` |
 * | ISO week and ordinal dates, years, months | `2021-W43-5`, `2021-302`, `2021`, `2021-10` |
 * | slashes, year first or month first | `2021/10/29 12:00:00`, `10/29/2021 5:30 PM` |
 * | RFC 2822 and what JavaScript's `Date` prints | `Fri, 29 Oct 2021 12:00:00 GMT`, `Fri Oct 29 2021 12:00:00 GMT+0200 (…)`, `Oct 29, 2021` |
 * | Unix time as digits: 9 to 11 are seconds, 12 to 14 ms, 15 to 17 µs, 18 or 19 ns | `1635508800`, `1635508800123`, `1635508800.5` |
 */

const dayMs = 86_400_000

/** No form above is longer; what is longer is not looked at. */
const textLengthMax = 100

/** Unix milliseconds of what a client wrote as a time, or undefined when it is none of the known forms. */
export function instantFrom(text: string): number | undefined {
  if (text.length === 24) {
    const ms = fromJavaScriptIso(text)
    if (ms !== undefined) return ms
  }
  const trimmed = text.trim()
  if (trimmed.length === 0 || trimmed.length > textLengthMax) return undefined
  return fromDigits(trimmed) ?? fromIso(trimmed) ?? fromSlashes(trimmed) ?? fromWords(trimmed)
}

/** `YYYY-MM-DDTHH:MM:SS.mmmZ`, what `toISOString` writes: nearly every event. Undefined sends it to the patterns. */
function fromJavaScriptIso(text: string): number | undefined {
  const fits =
    text.charCodeAt(4) === 0x2d &&
    text.charCodeAt(7) === 0x2d &&
    text.charCodeAt(10) === 0x54 &&
    text.charCodeAt(13) === 0x3a &&
    text.charCodeAt(16) === 0x3a &&
    text.charCodeAt(19) === 0x2e &&
    text.charCodeAt(23) === 0x5a
  if (!fits) return undefined
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  const hour = twoDigits(text, 11)
  const minute = twoDigits(text, 14)
  const second = twoDigits(text, 17)
  const thousandths = text.charCodeAt(22) - 0x30
  const ms = twoDigits(text, 20) * 10 + (thousandths >= 0 && thousandths <= 9 ? thousandths : 1_000_000)
  // What is not a digit became a number so large that one of these fails.
  if (!(month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return undefined
  if (!(year <= 9999 && hour <= 23 && minute <= 59 && second <= 59 && ms <= 999)) return undefined
  return daysFromCivil(year, month, day) * dayMs + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms
}

/** Two digits as a number; 1,000,000 when one is no digit. */
function twoDigits(text: string, at: number): number {
  const a = text.charCodeAt(at) - 0x30
  const b = text.charCodeAt(at + 1) - 0x30
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 ? a * 10 + b : 1_000_000
}

/** Days since 1970-01-01 of a date in the Gregorian calendar (Howard Hinnant's `days_from_civil`). */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Unix milliseconds of midnight, or undefined when there is no such day. */
function midnight(year: number, month: number, day: number): number | undefined {
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined
  return daysFromCivil(year, month, day) * dayMs
}

const unixPattern = /^(\d{9,19})(\.\d+)?$/

function fromDigits(text: string): number | undefined {
  const match = unixPattern.exec(text)
  if (match === null) return undefined
  const whole = match[1] ?? ''
  const value = Number(text)
  if (whole.length <= 11) return Math.floor(value * 1000)
  if (whole.length <= 14) return Math.floor(value)
  return Math.floor(value / (whole.length <= 17 ? 1000 : 1_000_000))
}

const zone = String.raw`(Z|UTC?|GMT|(?:UTC|GMT)?[+-]\d\d(?::?\d\d)?|[ECMP][SD]T)`
const clock = String.raw`(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?`
const looseClock = String.raw`(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:\s*([AP]M))?`

/** Groups: year, week, weekday, month, day, day of the year, month alone; hour, minute, second, fraction, zone. */
const isoPattern = new RegExp(
  String.raw`^(\d{4})(?:-?W(\d\d)(?:-?([1-7]))?|-(\d\d)-(\d\d)|(?!\d{5,}$)(\d\d)(\d\d)|-?(\d{3})|-(\d\d))?(?:[T_ ]\s*${clock}\s*${zone}?)?$`,
  'i',
)

function fromIso(text: string): number | undefined {
  const match = isoPattern.exec(text)
  if (match === null) return undefined
  const [, year = '', week, weekday = '1', month, day, basicMonth, basicDay, ordinal, monthOnly] = match
  const date = isoDate(Number(year), {
    week,
    weekday,
    month: month ?? basicMonth ?? monthOnly,
    day: day ?? basicDay ?? '1',
    ordinal,
  })
  return at(date, match[10] ?? '0', match[11], match[12], match[13], undefined, match[14])
}

interface IsoDateParts {
  readonly week: string | undefined
  readonly weekday: string
  readonly month: string | undefined
  readonly day: string
  readonly ordinal: string | undefined
}

function isoDate(year: number, { week, weekday, month, day, ordinal }: IsoDateParts): number | undefined {
  if (week !== undefined) return weekDate(year, Number(week), Number(weekday))
  if (ordinal !== undefined) {
    const n = Number(ordinal)
    return n >= 1 && n <= (isLeap(year) ? 366 : 365) ? daysFromCivil(year, 1, 1) * dayMs + (n - 1) * dayMs : undefined
  }
  return midnight(year, month === undefined ? 1 : Number(month), Number(day))
}

/** ISO 8601: week 1 is the one that holds 4 January; Monday is 1. */
function weekDate(year: number, week: number, weekday: number): number | undefined {
  const mondayOfFirst = (y: number): number => {
    const fourth = daysFromCivil(y, 1, 4)
    // 1970-01-01 was a Thursday, the fourth day of its week.
    return fourth - ((((fourth + 3) % 7) + 7) % 7)
  }
  const first = mondayOfFirst(year)
  const weeks = (mondayOfFirst(year + 1) - first) / 7
  if (week < 1 || week > weeks) return undefined
  return (first + (week - 1) * 7 + weekday - 1) * dayMs
}

/** Groups: year, month, day | month, day, year; hour, minute, second, fraction, AM or PM, zone. */
const slashPattern = new RegExp(
  String.raw`^(?:(\d{4})/(\d{1,2})/(\d{1,2})|(\d{1,2})/(\d{1,2})/(\d{4}))(?:[T ]\s*${looseClock}\s*${zone}?)?$`,
  'i',
)

function fromSlashes(text: string): number | undefined {
  const match = slashPattern.exec(text)
  if (match === null) return undefined
  const date = midnight(Number(match[1] ?? match[6]), Number(match[2] ?? match[4]), Number(match[3] ?? match[5]))
  return at(date, match[7] ?? '0', match[8], match[9], match[10], match[11], match[12])
}

/** Groups: day, month, year | month, day, year; hour, minute, second, fraction, AM or PM, zone. */
const wordsPattern = new RegExp(
  String.raw`^(?:[A-Z]{3,9},?\s+)?(?:(\d{1,2})[ -]([A-Z]{3,9})[ -](\d{4})|([A-Z]{3,9})\s+(\d{1,2}),?\s+(\d{4}))(?:,?\s+${looseClock}\s*${zone}?)?(?:\s*\([^()]*\))?$`,
  'i',
)
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

function fromWords(text: string): number | undefined {
  const match = wordsPattern.exec(text)
  if (match === null) return undefined
  const month = months.indexOf((match[2] ?? match[4] ?? '').slice(0, 3).toLowerCase()) + 1
  const date = midnight(Number(match[3] ?? match[6]), month, Number(match[1] ?? match[5]))
  return at(date, match[7] ?? '0', match[8], match[9], match[10], match[11], match[12])
}

/** A date and what stands behind it: hour, minute, second, fraction of a second, AM or PM, zone. */
function at(
  date: number | undefined,
  hourText: string,
  minuteText: string | undefined,
  secondText: string | undefined,
  fraction: string | undefined,
  half: string | undefined,
  zoneText: string | undefined,
): number | undefined {
  const hour = half === undefined ? Number(hourText) : hourOfHalf(Number(hourText), half)
  const minute = Number(minuteText ?? '0')
  const second = Number(secondText ?? '0')
  const ms = Number((fraction ?? '').padEnd(3, '0').slice(0, 3))
  const offsetMs = offsetOf(zoneText)
  // A leap second counts as the first of the next minute; 24:00:00 is the next midnight.
  const isTime = hour <= 23 ? minute <= 59 && second <= 60 : hour === 24 && minute === 0 && second === 0 && ms === 0
  if (date === undefined || offsetMs === undefined || !isTime) return undefined
  return date + hour * 3_600_000 + minute * 60_000 + second * 1000 + ms - offsetMs
}

function hourOfHalf(hour: number, half: string): number {
  if (hour < 1 || hour > 12) return Number.NaN
  return (hour % 12) + (half.toLowerCase() === 'pm' ? 12 : 0)
}

/** The zones that RFC 2822 knows by name, in hours. */
const namedZones: ReadonlyMap<string, number> = new Map([
  ['z', 0],
  ['ut', 0],
  ['utc', 0],
  ['gmt', 0],
  ['est', -5],
  ['edt', -4],
  ['cst', -6],
  ['cdt', -5],
  ['mst', -7],
  ['mdt', -6],
  ['pst', -8],
  ['pdt', -7],
])

/** How far the zone is ahead of UTC, in milliseconds; undefined when there is no such zone. */
function offsetOf(zoneText: string | undefined): number | undefined {
  if (zoneText === undefined) return 0
  const named = namedZones.get(zoneText.toLowerCase())
  if (named !== undefined) return named * 3_600_000
  const match = /([+-])(\d\d):?(\d\d)?$/.exec(zoneText)
  if (match === null) return undefined
  const hours = Number(match[2])
  const minutes = Number(match[3] ?? '0')
  if (hours > 23 || minutes > 59) return undefined
  return (match[1] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000
}
