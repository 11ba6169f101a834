/** Times as ClickHouse reads them: `yyyy-MM-dd HH:mm:ss.SSS` in UTC, without a zone (plugin server spec §2.5). */

const dayMs = 86_400_000
const twoDigits = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'))

/** Events come in the order of their days: the text of the last day asked for is kept. */
let keptDay = Number.NaN
let keptText = ''

/** `ms`: whole Unix milliseconds of a year from 0 to 9999. */
export function clickHouseTime(ms: number): string {
  const day = Math.floor(ms / dayMs)
  if (day !== keptDay) {
    keptText = new Date(day * dayMs).toISOString().slice(0, 10)
    keptDay = day
  }
  const rest = ms - day * dayMs
  const hour = Math.floor(rest / 3_600_000)
  const minute = Math.floor(rest / 60_000) % 60
  const second = Math.floor(rest / 1000) % 60
  const thousandths = rest % 1000
  return `${keptText} ${two(hour)}:${two(minute)}:${two(second)}.${String(Math.floor(thousandths / 100))}${two(thousandths % 100)}`
}

function two(n: number): string {
  return twoDigits[n] ?? ''
}
