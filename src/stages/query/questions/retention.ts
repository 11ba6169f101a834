/** How many users came back. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { Timezone } from './intervals.ts'
import { PropertyFilters } from './property-filter.ts'
import { From, oneOf, time, To } from './schema-pieces.ts'

function what(description: string) {
  return Type.Object(
    {
      event: Type.Optional(
        Type.String({ minLength: 1, maxLength: 1000, description: 'Name of the event; without it, every event.' }),
      ),
      filters: Type.Optional(PropertyFilters),
    },
    { additionalProperties: false, description },
  )
}

/** Most cohorts of an answer. */
export const cohortsMax = 400

export const RetentionQuestion = Type.Object(
  {
    start: what('A user belongs to the cohort of each interval in which it did this.'),
    return: what('What counts as coming back.'),
    from: From,
    to: To,
    interval: oneOf(['day', 'week', 'month'], { description: 'Weeks begin on Monday.' }),
    timezone: Type.Optional(Timezone),
    periods: Type.Integer({
      minimum: 1,
      maximum: 31,
      description: 'Intervals looked at for each cohort, its own included.',
    }),
  },
  {
    additionalProperties: false,
    description: `How many users came back. At most ${String(cohortsMax)} intervals from \`from\` to \`to\`.`,
  },
)
export type RetentionQuestion = Static<typeof RetentionQuestion>

export const RetentionAnswer = Type.Object({
  cohorts: Type.Array(
    Type.Object({
      start: time('Beginning of the interval.'),
      users: Type.Integer({ description: 'Users of the cohort.' }),
      returned: Type.Array(Type.Integer(), {
        description:
          'At index k, how many of them did the return event k intervals later, at 0 in the same. Only intervals that have begun by `to`.',
      }),
    }),
  ),
})
export type RetentionAnswer = Static<typeof RetentionAnswer>
