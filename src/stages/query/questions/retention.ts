/** How many users came back. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { intervalsOf, slotsOf, Timezone } from './intervals.ts'
import { filterConditions, PropertyFilters } from './property-filter.ts'
import { From, oneOf, time, To } from './schema-pieces.ts'
import { allOf, inPeriod, Statement, userKey } from './statement.ts'
import type { Asking } from './statement.ts'

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
const cohortsMax = 400

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
    title: 'RetentionQuestion',
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

/** One pass over the events: in which intervals each user did the one and the other, then how these meet. */
export async function askRetention(asking: Asking, question: RetentionQuestion): Promise<RetentionAnswer> {
  const { periods, start, return: back } = question
  const intervals = intervalsOf(question, cohortsMax)
  const { current, startsMs } = intervals
  const statement = new Statement(await asking.columns())
  const slots = slotsOf(statement, intervals, false)
  const began = whatHappened(statement, start, 'start')
  const returned = whatHappened(statement, back, 'return')
  const events = [start, back].flatMap(({ event }) => event ?? [])
  const conditions = [
    inPeriod(statement, current.fromMs, current.toMs),
    ...(events.length === 2 ? [`event IN ${statement.bind(events, 'Array(String)')}`] : []),
    `${began} OR ${returned}`,
  ]
  const values = statement.bind(slots.values, 'Array(Int64)')
  const users = `SELECT
      arrayMap(slot -> indexOf(${values}, slot), groupUniqArrayIf(toInt64(${slots.expression}), ${began})) AS began,
      arrayMap(slot -> indexOf(${values}, slot), groupUniqArrayIf(toInt64(${slots.expression}), ${returned})) AS returned
    FROM events WHERE ${allOf(conditions)} GROUP BY ${userKey} HAVING notEmpty(began)`
  const rows = await asking.rows(
    statement,
    `SELECT arrayJoin(began) AS cohort, count(),
      sumForEach(arrayMap(later -> has(returned, cohort + later), range(${statement.bind(periods, 'UInt8')})))
    FROM (${users}) GROUP BY cohort`,
  )
  const counts = new Map(rows.map(([cohort, count, later]) => [Number(cohort), { count: Number(count), later }]))
  return {
    cohorts: startsMs.map((startMs, at) => {
      const { count = 0, later } = counts.get(at + 1) ?? {}
      return {
        start: new Date(startMs).toISOString(),
        users: count,
        returned: Array.from({ length: Math.min(periods, startsMs.length - at) }, (_, k) =>
          Array.isArray(later) ? Number(later[k]) : 0,
        ),
      }
    }),
  }
}

function whatHappened(statement: Statement, { event, filters }: RetentionQuestion['start'], field: string): string {
  const named = event === undefined ? [] : [`event = ${statement.bind(event, 'String')}`]
  return `(${allOf([...named, ...filterConditions(statement, filters, `${field}.filters`)])})`
}
