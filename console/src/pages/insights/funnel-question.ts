import {
  filterDraftsFrom,
  filterLinkFrom,
  filtersFrom,
  type FilterDraft,
  type PropertyFilter,
} from '../../kit/property-filter.ts'
import { listFrom, rawFrom, textFrom, wholeNumberFrom, type Raw } from './raw.ts'
import type { Span } from './time-range.ts'
import { BREAKDOWN_LIMIT_DEFAULT, BREAKDOWN_LIMIT_MAX } from './trend-question.ts'

export const STEPS_MIN = 2
export const STEPS_MAX = 10
export const WINDOW_SECONDS_MAX = 7_776_000
const WINDOW_SECONDS_DEFAULT = 1_209_600

export interface StepDraft {
  readonly event: string
  readonly filters: readonly FilterDraft[]
  /** How the answer calls it; empty: by its event. Set by whoever saves through the API. */
  readonly name: string
}

/** An empty breakdown means none. */
export interface FunnelDraft {
  readonly steps: readonly StepDraft[]
  readonly windowSeconds: number
  readonly filters: readonly FilterDraft[]
  readonly breakdown: string
  readonly breakdownLimit: number
}

export interface FunnelBody extends Span {
  steps: { event: string; filters?: PropertyFilter[]; name?: string }[]
  window_seconds: number
  filters?: PropertyFilter[]
  breakdown?: { kind: 'property'; property: string }
  breakdown_limit: number
}

export const WINDOW_UNITS = [
  { value: '1', label: 'seconds', seconds: 1 },
  { value: '60', label: 'minutes', seconds: 60 },
  { value: '3600', label: 'hours', seconds: 3_600 },
  { value: '86400', label: 'days', seconds: 86_400 },
] as const

export const EMPTY_STEP: StepDraft = { event: '', filters: [], name: '' }

export const NEW_FUNNEL: FunnelDraft = {
  steps: [EMPTY_STEP, EMPTY_STEP],
  windowSeconds: WINDOW_SECONDS_DEFAULT,
  filters: [],
  breakdown: '',
  breakdownLimit: BREAKDOWN_LIMIT_DEFAULT,
}

/** What is still missing before the question can be asked, in words; undefined when nothing is. */
export function funnelGap(draft: FunnelDraft): string | undefined {
  const missing = draft.steps.flatMap((step, index) => (step.event === '' ? [String(index + 1)] : []))
  if (missing.length === 0) return undefined
  if (missing.length === draft.steps.length) return 'Choose the events that people go through, in order.'
  return `Choose the event of step ${missing.join(' and ')}.`
}

export function funnelBody(draft: FunnelDraft, span: Span): FunnelBody {
  const filters = filtersFrom(draft.filters)
  const property = draft.breakdown.trim()
  return {
    steps: draft.steps.map((step) => {
      const own = filtersFrom(step.filters)
      return {
        event: step.event,
        ...(own.length === 0 ? {} : { filters: own }),
        ...(step.name === '' ? {} : { name: step.name }),
      }
    }),
    ...span,
    window_seconds: draft.windowSeconds,
    ...(filters.length === 0 ? {} : { filters }),
    ...(property === '' ? {} : { breakdown: { kind: 'property', property } }),
    breakdown_limit: draft.breakdownLimit,
  }
}

export function funnelLink(draft: FunnelDraft): Raw {
  return {
    steps: draft.steps.map((step) => ({
      event: step.event,
      ...(step.filters.length === 0 ? {} : { filters: filterLinkFrom(step.filters) }),
      ...(step.name === '' ? {} : { name: step.name }),
    })),
    window_seconds: draft.windowSeconds,
    ...(draft.filters.length === 0 ? {} : { filters: filterLinkFrom(draft.filters) }),
    ...(draft.breakdown === '' ? {} : { breakdown: { kind: 'property', property: draft.breakdown } }),
    ...(draft.breakdownLimit === BREAKDOWN_LIMIT_DEFAULT ? {} : { breakdown_limit: draft.breakdownLimit }),
  }
}

/** Reads links and saved questions alike: their fields have the same names. */
export function funnelDraftFrom(raw: Raw): FunnelDraft {
  const steps = listFrom(raw['steps'], STEPS_MAX).map((each): StepDraft => {
    const step = rawFrom(each)
    return {
      event: textFrom(step['event']),
      filters: filterDraftsFrom(step['filters']),
      name: textFrom(step['name']),
    }
  })
  while (steps.length < STEPS_MIN) steps.push(EMPTY_STEP)
  return {
    steps,
    windowSeconds: wholeNumberFrom(raw['window_seconds'], {
      min: 1,
      max: WINDOW_SECONDS_MAX,
      otherwise: WINDOW_SECONDS_DEFAULT,
    }),
    filters: filterDraftsFrom(raw['filters']),
    breakdown: textFrom(rawFrom(raw['breakdown'])['property']),
    breakdownLimit: wholeNumberFrom(raw['breakdown_limit'], {
      min: 1,
      max: BREAKDOWN_LIMIT_MAX,
      otherwise: BREAKDOWN_LIMIT_DEFAULT,
    }),
  }
}

/** The largest unit that says the window without a fraction. */
export function windowUnitOf(seconds: number): (typeof WINDOW_UNITS)[number] {
  return [...WINDOW_UNITS].reverse().find((unit) => seconds % unit.seconds === 0) ?? WINDOW_UNITS[0]
}

/** The list with one entry moved by one place; the same list when it is at the end already. */
export function moved<T>(list: readonly T[], from: number, by: -1 | 1): readonly T[] {
  const entry = list[from]
  const other = list[from + by]
  if (entry === undefined || other === undefined) return list
  return list.map((each, index) => (index === from ? other : index === from + by ? entry : each))
}
