/** How many users went through some steps in order. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { BreakdownLimit, breakdownLimitDefault, PropertyBreakdown } from './breakdown.ts'
import { periodOf } from './intervals.ts'
import { filterConditions, PropertyFilters } from './property-filter.ts'
import { From, textOrNull, To } from './schema-pieces.ts'
import { allOf, inPeriod, Statement, userKey } from './statement.ts'
import type { Asking } from './statement.ts'

const FunnelStep = Type.Object(
  {
    event: Type.String({ minLength: 1, maxLength: 1000 }),
    filters: Type.Optional(PropertyFilters),
    name: Type.Optional(Type.String({ maxLength: 200, description: 'How the answer calls the step.' })),
  },
  { additionalProperties: false },
)

const windowSecondsDefault = 1_209_600

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
    title: 'FunnelQuestion',
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
  from_previous: Type.Number({
    description: 'Share of the users of the step before, 0 to 1; 1 for the first step. 0 where there is nobody.',
  }),
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

/** One pass over the events of the steps: how far each user came, then how many came so far. */
export async function askFunnel(asking: Asking, question: FunnelQuestion): Promise<FunnelAnswer> {
  const { steps, breakdown } = question
  const { fromMs, toMs } = periodOf(question)
  const statement = new Statement(await asking.columns())
  const windowMicros = (question.window_seconds ?? windowSecondsDefault) * 1_000_000
  const reached = steps.map(({ event, filters }, at) =>
    allOf([
      `event = ${statement.bind(event, 'String')}`,
      ...filterConditions(statement, filters, `steps.${String(at)}.filters`),
    ]),
  )
  const conditions = [
    inPeriod(statement, fromMs, toMs),
    `event IN ${statement.bind([...new Set(steps.map(({ event }) => event))], 'Array(String)')}`,
    ...filterConditions(statement, question.filters, 'filters'),
  ]
  const value =
    breakdown === undefined
      ? "''"
      : `argMinIf(toString(${statement.text(breakdown.property)}), (timestamp, uuid), ${reached[0] ?? '1'})`
  // The window is a number of ours: parameters of aggregates cannot be bound.
  const users = `SELECT ${value} AS value,
      windowFunnel(${String(windowMicros)})(toUInt64(toUnixTimestamp64Micro(timestamp)), ${reached.join()}) AS level
    FROM events WHERE ${allOf(conditions)} GROUP BY ${userKey} HAVING level > 0`
  const counts = steps.map((_, at) => `countIf(level > ${String(at)}) AS users${String(at)}`)
  const limit = statement.bind(question.breakdown_limit ?? breakdownLimitDefault, 'UInt32')
  const rows = await asking.rows(
    statement,
    `SELECT least(rank, ${limit} + 1) AS place, if(place > ${limit}, '', any(value)) AS value_kept,
      ${steps.map((_, at) => `sum(users${String(at)})`).join()}
    FROM (SELECT *, row_number() OVER (ORDER BY users0 DESC, value) AS rank
      FROM (SELECT value, ${counts.join()} FROM (${users}) GROUP BY value))
    GROUP BY place ORDER BY place`,
  )
  return { breakdowns: entriesFrom(rows, question) }
}

function entriesFrom(rows: readonly (readonly unknown[])[], question: FunnelQuestion): FunnelAnswer['breakdowns'] {
  const limit = question.breakdown_limit ?? breakdownLimitDefault
  if (question.breakdown === undefined) {
    return [{ value: null, is_other: false, steps: stepsFrom(question, rows[0]?.slice(2) ?? []) }]
  }
  return rows.map(([place, value, ...users]) => {
    const isOther = Number(place) > limit
    return {
      value: isOther || value === '' ? null : String(value),
      is_other: isOther,
      steps: stepsFrom(question, users),
    }
  })
}

function stepsFrom({ steps }: FunnelQuestion, counts: readonly unknown[]): FunnelAnswer['breakdowns'][number]['steps'] {
  const users = steps.map((_, at) => Number(counts[at] ?? 0))
  return steps.map(({ event, name = event }, at) => ({
    event,
    name,
    users: users[at] ?? 0,
    from_start: share(users[at], users[0]),
    from_previous: share(users[at], users[Math.max(0, at - 1)]),
  }))
}

/** 0 of 0 is 0. */
function share(part = 0, whole = 0): number {
  return whole === 0 ? 0 : part / whole
}
