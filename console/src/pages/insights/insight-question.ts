/**
 * Words used here:
 * - question: what an insight asks, with everything the editor knows; kept in the link.
 * - body: the question as it is posted to the API and as insights are saved.
 *
 * A link says a rolling range as such ("last 7 days"); a body has only instants.
 */
import {
  funnelBody,
  funnelDraftFrom,
  funnelGap,
  funnelLink,
  NEW_FUNNEL,
  type FunnelBody,
  type FunnelDraft,
} from './funnel-question.ts'
import { rawFrom, type Raw } from './raw.ts'
import {
  NEW_RETENTION,
  retentionBody,
  retentionDraftFrom,
  retentionLink,
  type RetentionBody,
  type RetentionDraft,
} from './retention-question.ts'
import { isTimeZone, rangeFrom, rangeFromSaved, spanOf, type TimeRange } from './time-range.ts'
import {
  NEW_TREND,
  trendBody,
  trendDraftFrom,
  trendGap,
  trendLink,
  type TrendBody,
  type TrendDraft,
} from './trend-question.ts'

export const INSIGHT_KINDS = ['trend', 'funnel', 'retention'] as const
export type InsightKind = (typeof INSIGHT_KINDS)[number]

interface Frame {
  readonly range: TimeRange
  readonly timeZone: string
}

export type InsightQuestion =
  | (Frame & { readonly kind: 'trend'; readonly draft: TrendDraft })
  | (Frame & { readonly kind: 'funnel'; readonly draft: FunnelDraft })
  | (Frame & { readonly kind: 'retention'; readonly draft: RetentionDraft })

export type InsightBody =
  | { readonly kind: 'trend'; readonly body: TrendBody }
  | { readonly kind: 'funnel'; readonly body: FunnelBody }
  | { readonly kind: 'retention'; readonly body: RetentionBody }

const LAST_30_DAYS: TimeRange = { kind: 'rolling', amount: 30, unit: 'day' }
const LAST_14_DAYS: TimeRange = { kind: 'rolling', amount: 14, unit: 'day' }

export function isInsightKind(value: unknown): value is InsightKind {
  return INSIGHT_KINDS.some((kind) => kind === value)
}

export function newQuestion(kind: InsightKind, timeZone: string): InsightQuestion {
  switch (kind) {
    case 'trend':
      return { kind, draft: NEW_TREND, range: LAST_30_DAYS, timeZone }
    case 'funnel':
      return { kind, draft: NEW_FUNNEL, range: LAST_30_DAYS, timeZone }
    case 'retention':
      return { kind, draft: NEW_RETENTION, range: LAST_14_DAYS, timeZone }
  }
}

/** What is still missing before the question can be asked, in words; undefined when nothing is. */
export function gapOf(question: InsightQuestion): string | undefined {
  if (question.kind === 'trend') return trendGap(question.draft)
  return question.kind === 'funnel' ? funnelGap(question.draft) : undefined
}

export function bodyOf(question: InsightQuestion, now: Date): InsightBody {
  const span = spanOf(question.range, now, question.timeZone)
  switch (question.kind) {
    case 'trend':
      return { kind: 'trend', body: trendBody(question.draft, span, question.timeZone) }
    case 'funnel':
      return { kind: 'funnel', body: funnelBody(question.draft, span) }
    case 'retention':
      return { kind: 'retention', body: retentionBody(question.draft, span, question.timeZone) }
  }
}

export function linkOf(question: InsightQuestion): Raw {
  return { ...linkOfDraft(question), range: rangeLink(question.range), timezone: question.timeZone }
}

/** Reads the question of a link. What cannot be read is as in a new question. */
export function questionFromLink(kind: InsightKind, link: unknown, timeZoneHere: string): InsightQuestion {
  const raw = rawFrom(link)
  const fresh = newQuestion(kind, isTimeZone(raw['timezone']) ? raw['timezone'] : timeZoneHere)
  return { ...withDraft(fresh, raw), range: rangeFrom(raw['range']) ?? fresh.range }
}

/** Reads a saved insight. `savedAt` decides whether its range moves on with the clock. */
export function questionFromSaved(
  kind: InsightKind,
  body: unknown,
  saved: { readonly at: Date; readonly timeZoneHere: string },
): InsightQuestion {
  const raw = rawFrom(body)
  const fresh = newQuestion(kind, isTimeZone(raw['timezone']) ? raw['timezone'] : saved.timeZoneHere)
  const range = rangeFrom({ from: raw['from'], to: raw['to'] })
  return {
    ...withDraft(fresh, raw),
    range: range?.kind === 'fixed' ? rangeFromSaved(range, saved.at, fresh.timeZone) : fresh.range,
  }
}

function withDraft(fresh: InsightQuestion, raw: Raw): InsightQuestion {
  switch (fresh.kind) {
    case 'trend':
      return { ...fresh, draft: trendDraftFrom(raw) }
    case 'funnel':
      return { ...fresh, draft: funnelDraftFrom(raw) }
    case 'retention':
      return { ...fresh, draft: retentionDraftFrom(raw) }
  }
}

function linkOfDraft(question: InsightQuestion): Raw {
  switch (question.kind) {
    case 'trend':
      return trendLink(question.draft)
    case 'funnel':
      return funnelLink(question.draft)
    case 'retention':
      return retentionLink(question.draft)
  }
}

function rangeLink(range: TimeRange): Raw {
  return range.kind === 'fixed' ? { from: range.from, to: range.to } : { amount: range.amount, unit: range.unit }
}
