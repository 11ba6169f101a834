import { formatBytes, formatNumber } from '../../kit/numbers.ts'
import { duration } from '../../kit/time-words.ts'

/** "20 MiB", "30 s", "1,000": the unit is the server's word for it. */
export function sayLimit(value: unknown, unit: string): string {
  if (typeof value !== 'number') return String(value)
  if (unit === 'bytes') return formatBytes(value)
  if (unit === 'ms') return duration(value)
  return unit === 'count' || unit === '' ? formatNumber(value) : `${formatNumber(value)} ${unit}`
}
