/**
 * What the Insights page keeps in its address:
 * - `insight`: the saved insight that is open.
 * - `kind` and `q`: the question, once it differs from the saved one; so a link shows what its sender saw.
 */
import { isInsightKind, linkOf, type InsightKind, type InsightQuestion } from './insight-question.ts'
import type { Raw } from './raw.ts'

export interface InsightsSearch {
  /** Empty: none is open. */
  readonly insight: string
  readonly kind: InsightKind
  /** Undefined: as saved, or new. */
  readonly link: unknown
}

export function insightsSearchFrom(raw: Raw): InsightsSearch {
  const { insight, kind, q } = raw
  return {
    insight: typeof insight === 'string' ? insight : '',
    kind: isInsightKind(kind) ? kind : 'trend',
    link: typeof q === 'object' && q !== null ? q : undefined,
  }
}

export function searchOfQuestion(question: InsightQuestion, insight: string): Record<string, unknown> {
  return { ...(insight === '' ? {} : { insight }), kind: question.kind, q: linkOf(question) }
}
