const whole = new Intl.NumberFormat('en')
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 })
const decimal = new Intl.NumberFormat('en', { maximumSignificantDigits: 6 })

/** "12,345"; up to six digits of what is not whole. */
export function formatNumber(value: number): string {
  return Number.isInteger(value) ? whole.format(value) : decimal.format(value)
}

/** "12.3K", for axes and tiles. */
export function formatShort(value: number): string {
  return Math.abs(value) < 1_000 ? decimal.format(value) : short.format(value)
}

/** "1 event", "1,234 events". */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`
}

export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const
  const step = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  return `${decimal.format(Math.round((bytes / 1024 ** step) * 10) / 10)} ${units[step] ?? 'bytes'}`
}
