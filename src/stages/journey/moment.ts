const day = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'long', year: 'numeric' })

/** A time inside of a sentence: `10 March 2026 at 12:00:00 UTC`. To the second, and with spaces, so that a line can end in it. */
export function momentText(ms: number): string {
  return `${day.format(ms)} at ${new Date(ms).toISOString().slice(11, 19)} UTC`
}
