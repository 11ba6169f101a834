/** How many users went through some steps in order. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { BreakdownLimit, PropertyBreakdown } from './breakdown.ts'
import { PropertyFilters } from './property-filter.ts'
import { From, textOrNull, To } from './schema-pieces.ts'

const FunnelStep = Type.Object(
  {
    event: Type.String({ minLength: 1, maxLength: 1000 }),
    filters: Type.Optional(PropertyFilters),
    name: Type.Optional(Type.String({ maxLength: 200, description: 'How the answer calls the step.' })),
  },
  { additionalProperties: false },
)

export const windowSecondsDefault = 1_209_600

export const FunnelQuestion = Type.Object(
  {
    steps: Type.Array(FunnelStep, { minItems: 2, maxItems: 10 }),
    from: From,
    to: To,
    window_seconds: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 7_776_000,
        default: windowSecondsDefault,
        description: 'Longest time from the first step to the last.',
      }),
    ),
    filters: Type.Optional(PropertyFilters),
    breakdown: Type.Optional(PropertyBreakdown),
    breakdown_limit: Type.Optional(BreakdownLimit),
  },
  {
    additionalProperties: false,
    description:
      'How many users went through some steps in order. A user is at step n when the n steps happened one after the other, or at the same time, within the window from the first; one event that fits several steps counts for each of them.',
  },
)
export type FunnelQuestion = Static<typeof FunnelQuestion>

const FunnelAnswerStep = Type.Object({
  event: Type.String(),
  name: Type.String(),
  users: Type.Integer({ description: 'Users who came to this step at least.' }),
  from_start: Type.Number({ description: 'Share of the users of the first step, 0 to 1.' }),
  from_previous: Type.Number({ description: 'Share of the users of the step before, 0 to 1; 1 for the first step.' }),
})

export const FunnelAnswer = Type.Object({
  breakdowns: Type.Array(
    Type.Object({
      value: textOrNull("Text of the property in the user's first event of step 1 in the period; null: not set."),
      is_other: Type.Boolean({ description: 'Everything that did not make the limit, as one.' }),
      steps: Type.Array(FunnelAnswerStep),
    }),
    { description: 'Without a breakdown one entry, whose value is null.' },
  ),
})
export type FunnelAnswer = Static<typeof FunnelAnswer>
