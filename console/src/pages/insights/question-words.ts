/** A question in one line, for where its editor is folded. */
import { filtersFrom, type FilterDraft } from '../../kit/property-filter.ts'
import { countOf } from '../../kit/numbers.ts'
import type { FunnelDraft } from './funnel-question.ts'
import type { InsightQuestion } from './insight-question.ts'
import type { RetentionDraft } from './retention-question.ts'
import { daysOf, PRESETS, presetOf, type TimeRange } from './time-range.ts'
import { MATH_WORDS, mathNeedsProperty, type SeriesDraft, type TrendDraft } from './trend-question.ts'

export function sayQuestion(question: InsightQuestion): string {
  const parts = [...partsOf(question), sayRange(question.range, question.timeZone)]
  return parts.filter((part) => part !== '').join(' · ')
}

function partsOf(question: InsightQuestion): readonly string[] {
  switch (question.kind) {
    case 'trend':
      return trendParts(question.draft)
    case 'funnel':
      return funnelParts(question.draft)
    case 'retention':
      return retentionParts(question.draft)
  }
}

function trendParts(draft: TrendDraft): readonly string[] {
  const filters = [...draft.filters, ...draft.series.flatMap((each) => each.filters)]
  const breakdowns = draft.breakdowns.map((each) => (each.kind === 'event' ? 'event' : each.property))
  return [
    draft.series.map(saySeries).join(', '),
    sayFilters(filters),
    sayBreakdown(breakdowns),
    `by ${draft.interval}`,
    draft.compare ? 'compared with the period before' : '',
  ]
}

function saySeries(series: SeriesDraft): string {
  if (series.name !== '') return series.name
  const math = mathNeedsProperty(series.math)
    ? MATH_WORDS[series.math].replace('property', series.property === '' ? '…' : series.property)
    : MATH_WORDS[series.math]
  return `${math} of ${eventOr(series.event, 'all events')}`
}

function funnelParts(draft: FunnelDraft): readonly string[] {
  return [
    draft.steps.map((step) => (step.name === '' ? eventOr(step.event, '…') : step.name)).join(' → '),
    sayFilters([...draft.filters, ...draft.steps.flatMap((step) => step.filters)]),
    sayBreakdown([draft.breakdown]),
  ]
}

function retentionParts(draft: RetentionDraft): readonly string[] {
  return [
    `${eventOr(draft.start.event, 'any event')}, then ${eventOr(draft.back.event, 'any event')}`,
    sayFilters([...draft.start.filters, ...draft.back.filters]),
    `${String(draft.periods)} ${draft.interval}s`,
  ]
}

function sayRange(range: TimeRange, timeZone: string): string {
  if (range.kind === 'fixed') {
    const { first, last } = daysOf(range, timeZone)
    return first === last ? first : `${first} to ${last}`
  }
  const preset = PRESETS.find((each) => each.value === presetOf(range))
  return (preset?.label ?? `Last ${String(range.amount)} ${range.unit}s`).toLowerCase()
}

/** Those that are asked: a row that still lacks its value narrows nothing. */
function sayFilters(drafts: readonly FilterDraft[]): string {
  const { length } = filtersFrom(drafts)
  return length === 0 ? '' : countOf(length, 'filter')
}

function sayBreakdown(properties: readonly string[]): string {
  const named = properties.filter((property) => property !== '')
  return named.length === 0 ? '' : `broken down by ${named.join(' and ')}`
}

function eventOr(event: string, otherwise: string): string {
  return event === '' ? otherwise : event
}
