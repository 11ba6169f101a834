const hyphen = 0x2d
const colon = 0x3a

/** True for a date and time as RFC 3339 writes them: whole, with a zone, of a day that exists. Looks at characters only. */
export function isRfc3339(text: string): boolean {
  const { length } = text
  if (length < 20 || length > 40) return false
  const year = digits(text, 0, 4)
  const month = digits(text, 5, 2)
  const day = digits(text, 8, 2)
  const hour = digits(text, 11, 2)
  const minute = digits(text, 14, 2)
  const second = digits(text, 17, 2)
  if (year < 0 || hour < 0 || minute < 0 || second < 0 || day < 1 || month < 1) return false
  if (month > 12 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 60) return false
  if (text.charCodeAt(4) !== hyphen || text.charCodeAt(7) !== hyphen) return false
  if (text.charCodeAt(13) !== colon || text.charCodeAt(16) !== colon) return false
  const between = text.charCodeAt(10)
  if (between !== 0x54 && between !== 0x74 && between !== 0x20) return false
  let at = 19
  if (text.charCodeAt(at) === 0x2e) {
    const first = ++at
    while (isDigit(text.charCodeAt(at))) at++
    if (at === first) return false
  }
  const zone = text.charCodeAt(at)
  if (zone === 0x5a || zone === 0x7a) return at + 1 === length
  if (zone !== 0x2b && zone !== hyphen) return false
  const zoneHour = digits(text, at + 1, 2)
  const zoneMinute = digits(text, at + 4, 2)
  return (
    at + 6 === length &&
    text.charCodeAt(at + 3) === colon &&
    zoneHour >= 0 &&
    zoneHour <= 23 &&
    zoneMinute >= 0 &&
    zoneMinute <= 59
  )
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** So many digits as a number, or -1. */
function digits(text: string, from: number, count: number): number {
  let value = 0
  for (let k = from; k < from + count; k++) {
    const code = text.charCodeAt(k)
    if (!isDigit(code)) return -1
    value = value * 10 + code - 0x30
  }
  return value
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}
