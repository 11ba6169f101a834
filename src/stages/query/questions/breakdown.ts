import { Type } from 'typebox'
import type { Static } from 'typebox'
import { PropertyName } from './property-filter.ts'
import type { Statement } from './statement.ts'

export const PropertyBreakdown = Type.Object(
  { kind: Type.Literal('property'), property: PropertyName },
  { additionalProperties: false, title: 'PropertyBreakdown', description: 'By the text of a property.' },
)
export type PropertyBreakdown = Static<typeof PropertyBreakdown>

export const Breakdown = Type.Union(
  [
    Type.Object(
      { kind: Type.Literal('event') },
      { additionalProperties: false, description: 'By the name of the event.' },
    ),
    PropertyBreakdown,
  ],
  { title: 'Breakdown', description: 'What an answer is broken down by.' },
)
export type Breakdown = Static<typeof Breakdown>

export const breakdownLimitDefault = 10

export const BreakdownLimit = Type.Integer({
  minimum: 1,
  maximum: 50,
  default: breakdownLimitDefault,
  description: 'So many of the most frequent values stand alone; the others are one, `is_other`.',
})

/** SQL for the value of each breakdown. A property that is not set gives ''. */
export function breakdownTexts(statement: Statement, breakdowns: readonly Breakdown[]): readonly string[] {
  return breakdowns.map((breakdown) =>
    breakdown.kind === 'event' ? 'toString(event)' : `toString(${statement.text(breakdown.property)})`,
  )
}

/** What the text of a breakdown stands for in an answer. */
export function breakdownValue(breakdown: Breakdown, text: unknown): string | null {
  return breakdown.kind === 'property' && text === '' ? null : String(text)
}
