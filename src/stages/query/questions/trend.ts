/** How often something happened, over time. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Breakdown, BreakdownLimit } from './breakdown.ts'
import { Interval, intervalsMax, Timezone } from './intervals.ts'
import { PropertyFilters, PropertyName } from './property-filter.ts'
import { From, NumberOrNull, oneOf, time, To } from './schema-pieces.ts'

const TrendSeries = Type.Object(
  {
    event: Type.Optional(
      Type.String({ minLength: 1, maxLength: 1000, description: 'Name of the event; without it, every event.' }),
    ),
    math: oneOf(['total', 'unique_users', 'sum', 'avg', 'min', 'max', 'median', 'p90', 'p95', 'p99'], {
      description:
        'total counts events, unique_users distinct ids; the others compute with the numbers of `property` and leave out what is no number.',
    }),
    property: Type.Optional(PropertyName),
    filters: Type.Optional(PropertyFilters),
    name: Type.Optional(Type.String({ maxLength: 200, description: 'How the answer calls the series.' })),
  },
  { additionalProperties: false },
)

export const TrendQuestion = Type.Object(
  {
    series: Type.Array(TrendSeries, { minItems: 1, maxItems: 5 }),
    from: From,
    to: To,
    interval: Interval,
    timezone: Type.Optional(Timezone),
    filters: Type.Optional(PropertyFilters),
    breakdowns: Type.Optional(Type.Array(Breakdown, { maxItems: 2 })),
    breakdown_limit: Type.Optional(BreakdownLimit),
    compare_previous: Type.Optional(
      Type.Boolean({
        description: 'Ask about the period before too: the same times, as many intervals earlier as the period has.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: `How often something happened, over time. At most ${String(intervalsMax)} intervals.`,
  },
)
export type TrendQuestion = Static<typeof TrendQuestion>

export const TrendAnswerSeries = Type.Object({
  series: Type.Integer({ description: 'Index of the series in the question.' }),
  name: Type.String(),
  breakdown: Type.Array(Type.Unsafe<string | null>({ type: ['string', 'null'] }), {
    description: 'A value for each breakdown of the question; null: not set. Empty for `is_other`.',
  }),
  is_other: Type.Boolean({ description: 'Everything that did not make the limit, as one.' }),
  period: oneOf(['current', 'previous']),
  values: Type.Array(NumberOrNull, {
    description: 'One for each interval. Null where there is no number to compute with; counts are 0 then.',
  }),
  total: Type.Unsafe<number | null>({
    type: ['number', 'null'],
    description: 'Over the whole period; of unique users not the sum.',
  }),
})
export type TrendAnswerSeries = Static<typeof TrendAnswerSeries>

export const TrendAnswer = Type.Object({
  intervals: Type.Array(time('Beginning of an interval of the current period.')),
  series: Type.Array(TrendAnswerSeries),
})
export type TrendAnswer = Static<typeof TrendAnswer>
