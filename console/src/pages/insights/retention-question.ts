import {
  filterDraftsFrom,
  filterLinkFrom,
  filtersFrom,
  type FilterDraft,
  type PropertyFilter,
} from '../../kit/property-filter.ts'
import { oneOf, rawFrom, textFrom, wholeNumberFrom, type Raw } from './raw.ts'
import type { Span } from './time-range.ts'

export const RETENTION_INTERVALS = ['day', 'week', 'month'] as const
export type RetentionInterval = (typeof RETENTION_INTERVALS)[number]
export const PERIODS_MAX = 31

/** An empty event means any event. */
export interface EventDraft {
  readonly event: string
  readonly filters: readonly FilterDraft[]
}

export interface RetentionDraft {
  readonly start: EventDraft
  readonly back: EventDraft
  readonly interval: RetentionInterval
  readonly periods: number
}

interface EventOfBody {
  event?: string
  filters?: PropertyFilter[]
}

export interface RetentionBody extends Span {
  start: EventOfBody
  return: EventOfBody
  interval: RetentionInterval
  timezone: string
  periods: number
}

export const NEW_RETENTION: RetentionDraft = {
  start: { event: '', filters: [] },
  back: { event: '', filters: [] },
  interval: 'day',
  periods: 8,
}

export function retentionBody(draft: RetentionDraft, span: Span, timezone: string): RetentionBody {
  return {
    start: eventBody(draft.start),
    return: eventBody(draft.back),
    ...span,
    interval: draft.interval,
    timezone,
    periods: draft.periods,
  }
}

export function retentionLink(draft: RetentionDraft): Raw {
  return {
    start: eventLink(draft.start),
    return: eventLink(draft.back),
    interval: draft.interval,
    periods: draft.periods,
  }
}

/** Reads links and saved questions alike: their fields have the same names. */
export function retentionDraftFrom(raw: Raw): RetentionDraft {
  return {
    start: eventFrom(rawFrom(raw['start'])),
    back: eventFrom(rawFrom(raw['return'])),
    interval: oneOf(raw['interval'], RETENTION_INTERVALS, 'day'),
    periods: wholeNumberFrom(raw['periods'], { min: 1, max: PERIODS_MAX, otherwise: NEW_RETENTION.periods }),
  }
}

function eventBody(draft: EventDraft): EventOfBody {
  const filters = filtersFrom(draft.filters)
  return { ...(draft.event === '' ? {} : { event: draft.event }), ...(filters.length === 0 ? {} : { filters }) }
}

function eventLink(draft: EventDraft): Raw {
  return {
    ...(draft.event === '' ? {} : { event: draft.event }),
    ...(draft.filters.length === 0 ? {} : { filters: filterLinkFrom(draft.filters) }),
  }
}

function eventFrom(raw: Raw): EventDraft {
  return { event: textFrom(raw['event']), filters: filterDraftsFrom(raw['filters']) }
}
