/** Times as people say them. The exact time always stands beside these words, in a title or a table. */
const steps = [
  { unit: 'year', ms: 31_557_600_000 },
  { unit: 'month', ms: 2_629_800_000 },
  { unit: 'day', ms: 86_400_000 },
  { unit: 'hour', ms: 3_600_000 },
  { unit: 'minute', ms: 60_000 },
  { unit: 'second', ms: 1_000 },
] as const

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always' })

/** "3 minutes ago", "in 2 days"; "just now" for what is less than a second away. */
export function relativeTime(at: Date, now: Date): string {
  const ms = at.getTime() - now.getTime()
  const step = steps.find((each) => Math.abs(ms) >= each.ms)
  return step === undefined ? 'just now' : relative.format(Math.trunc(ms / step.ms), step.unit)
}

/** "2026-11-21 14:03:27.512 UTC+1": local, sortable, with the zone it is meant in. */
export function exactTime(at: Date): string {
  if (Number.isNaN(at.getTime())) return 'unknown time'
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${String(at.getFullYear())}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return `${day} ${clock}.${String(at.getMilliseconds()).padStart(3, '0')} ${zoneOf(at)}`
}

/** "850 ms", "12 s", "3 min", "5 h", "2 d": how long something takes or waits. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${String(Math.round(ms))} ms`
  if (ms < 60_000) return `${String(Math.round(ms / 100) / 10)} s`
  if (ms < 3_600_000) return `${String(Math.round(ms / 60_000))} min`
  if (ms < 2 * 86_400_000) return `${String(Math.round(ms / 3_600_000))} h`
  return `${String(Math.round(ms / 86_400_000))} d`
}

function zoneOf(at: Date): string {
  const minutes = -at.getTimezoneOffset()
  if (minutes === 0) return 'UTC'
  const hours = Math.trunc(Math.abs(minutes) / 60)
  const rest = Math.abs(minutes) % 60
  return `UTC${minutes < 0 ? '−' : '+'}${String(hours)}${rest === 0 ? '' : `:${String(rest).padStart(2, '0')}`}`
}
