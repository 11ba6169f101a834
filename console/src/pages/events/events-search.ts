/** What the Events page keeps in its address, so that a link shows the same events. */
import { filterDraftsFrom, filterLinkFrom, type FilterDraft } from '../../kit/property-filter.ts'

/** `between` has bounds of its own, as ISO times; an empty one is open. */
export type EventsPeriod =
  | { readonly kind: 'any' }
  | { readonly kind: 'last'; readonly hours: number }
  | { readonly kind: 'between'; readonly after: string; readonly before: string }

export interface EventsSearch {
  readonly event: string
  readonly distinctId: string
  readonly period: EventsPeriod
  readonly filters: readonly FilterDraft[]
  readonly isRefreshing: boolean
  /** The uuid of the event that is open beside the list; empty: none. */
  readonly open: string
}

export const PERIODS = [
  { value: 'any', label: 'Any time' },
  { value: '1', label: 'Last hour' },
  { value: '24', label: 'Last 24 hours' },
  { value: '168', label: 'Last 7 days' },
  { value: '720', label: 'Last 30 days' },
  { value: 'between', label: 'Between…' },
] as const

const TEXT_CHARS_MAX = 200
const HOURS_MAX = 8_784

export function eventsSearchFrom(raw: Readonly<Record<string, unknown>>): EventsSearch {
  return {
    event: textOf(raw['event']),
    distinctId: textOf(raw['distinct_id']),
    period: periodFrom(raw),
    filters: filterDraftsFrom(raw['filters']),
    isRefreshing: raw['refresh'] === true,
    open: textOf(raw['open']),
  }
}

/** Only what is set, so that links stay short. */
export function eventsLink(search: EventsSearch): Record<string, unknown> {
  const { event, distinctId, period, filters, isRefreshing, open } = search
  return {
    ...(event === '' ? {} : { event }),
    ...(distinctId === '' ? {} : { distinct_id: distinctId }),
    ...(period.kind === 'last' ? { hours: period.hours } : {}),
    ...(period.kind === 'between' ? { after: period.after, before: period.before } : {}),
    ...(filters.length === 0 ? {} : { filters: filterLinkFrom(filters) }),
    ...(isRefreshing ? { refresh: true } : {}),
    ...(open === '' ? {} : { open }),
  }
}

/** The bounds to ask for; whole minutes, so that a page and the next one are asked for alike. */
export function boundsOf(period: EventsPeriod, now: Date): { after?: string; before?: string } {
  if (period.kind === 'any') return {}
  if (period.kind === 'between')
    return {
      ...(period.after === '' ? {} : { after: period.after }),
      ...(period.before === '' ? {} : { before: period.before }),
    }
  const minute = Math.floor(now.getTime() / 60_000) * 60_000
  return { after: new Date(minute - period.hours * 3_600_000).toISOString() }
}

export function isNarrowed(search: EventsSearch): boolean {
  const { event, distinctId, period, filters } = search
  return event !== '' || distinctId !== '' || period.kind !== 'any' || filters.length > 0
}

/** `2026-11-21T14:03`, as an input of the browser shows a time: on the clock of whoever looks. */
export function localTimeFrom(iso: string): string {
  const at = new Date(iso)
  if (Number.isNaN(at.getTime())) return ''
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

export function isoFromLocal(local: string): string {
  const at = new Date(local)
  return Number.isNaN(at.getTime()) ? '' : at.toISOString()
}

/** Uuids are pasted with blanks around them and in any case. Undefined: this is none. */
export function uuidFrom(text: string): string | undefined {
  const uuid = text.trim().toLowerCase()
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) ? uuid : undefined
}

function periodFrom(raw: Readonly<Record<string, unknown>>): EventsPeriod {
  const hours = raw['hours']
  if (typeof hours === 'number' && Number.isInteger(hours) && hours > 0 && hours <= HOURS_MAX)
    return { kind: 'last', hours }
  if (typeof raw['after'] === 'string' || typeof raw['before'] === 'string')
    return { kind: 'between', after: timeOf(raw['after']), before: timeOf(raw['before']) }
  return { kind: 'any' }
}

function timeOf(raw: unknown): string {
  return typeof raw === 'string' ? isoFromLocal(raw) : ''
}

function textOf(raw: unknown): string {
  // The router reads a text of digits in an address as a number.
  return typeof raw === 'string' || typeof raw === 'number' ? String(raw).slice(0, TEXT_CHARS_MAX) : ''
}
