/** What users of a small shop may have done in two weeks: the same events for the same seed and day. */
import type { Chance } from '../harness/seed.ts'

export interface SentEvent {
  readonly event: string
  readonly distinct_id: string
  readonly timestamp: string
  readonly uuid: string
  readonly properties: Readonly<Record<string, unknown>>
}

const days = 14
const dayMs = 86_400_000
const plans = ['free', 'team', 'business']
const pages = ['/', '/pricing', '/docs', '/docs/start', '/blog']
const browsers = ['Chrome', 'Firefox', 'Safari']

/** About 2,000 events, oldest first, none after `until`. */
export function someWeeks(chance: Chance, until: Date): readonly SentEvent[] {
  const events: SentEvent[] = []
  const uuid = (): string => {
    const digits = (count: number): string =>
      Array.from({ length: count }, () => chance.between(0, 15).toString(16)).join('')
    return `${digits(8)}-${digits(4)}-4${digits(3)}-a${digits(3)}-${digits(12)}`
  }
  const add = (event: string, user: string, atMs: number, properties: Record<string, unknown>): void => {
    if (atMs >= until.getTime()) return
    events.push({ event, distinct_id: user, timestamp: new Date(atMs).toISOString(), uuid: uuid(), properties })
  }
  for (let user = 1; user <= 180; user++) {
    const id = `user-${String(user)}`
    const plan = chance.oneOf(plans)
    const browser = chance.oneOf(browsers)
    const firstDay = chance.between(0, days - 1)
    for (let day = firstDay; day < days; day++) {
      if (day > firstDay && chance.next() < 0.55) continue
      let atMs = until.getTime() - (days - day) * dayMs + chance.between(0, dayMs - 3_600_000)
      const views = chance.between(1, 4)
      for (let view = 0; view < views; view++) {
        add('$pageview', id, atMs, { $current_url: chance.oneOf(pages), $browser: browser, plan })
        atMs += chance.between(5_000, 240_000)
      }
      if (day === firstDay) add('signed up', id, atMs, { plan, $browser: browser })
      else if (chance.next() < 0.4)
        add('order paid', id, atMs, { plan, amount: chance.between(5, 200), currency: 'EUR' })
    }
  }
  return events.sort((a, b) => a.timestamp.localeCompare(b.timestamp))
}
