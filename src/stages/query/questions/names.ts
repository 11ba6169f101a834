/** What there is to ask about: names of events and properties, values of a property. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { newestEvents } from './events.ts'
import { time } from './schema-pieces.ts'
import { allOf, inPeriod, Statement } from './statement.ts'
import type { Asking } from './statement.ts'

export const EventNamesAnswer = Type.Object({
  names: Type.Array(
    Type.Object({
      name: Type.String(),
      count: Type.Integer({ description: 'Events of the last 30 days.' }),
      last_seen: time('Time of the newest.'),
    }),
    { description: 'Most frequent first.' },
  ),
})
export type EventNamesAnswer = Static<typeof EventNamesAnswer>

export const PropertiesAnswer = Type.Object({
  properties: Type.Array(
    Type.Object({
      name: Type.String(),
      has_column: Type.Boolean({ description: 'It has a column of its own: questions about it are fast.' }),
    }),
    { description: 'What the newest 1,000 events have, most frequent first.' },
  ),
})
export type PropertiesAnswer = Static<typeof PropertiesAnswer>

export const PropertyValuesAnswer = Type.Object({
  values: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() }), {
    description: 'At most 50, of the newest 10,000 events of the last 64 days that have it, most frequent first.',
  }),
})
export type PropertyValuesAnswer = Static<typeof PropertyValuesAnswer>

const dayMs = 86_400_000

export async function askEventNames(
  asking: Asking,
  { search = '', limit }: { readonly search?: string; readonly limit: number },
): Promise<EventNamesAnswer> {
  const statement = new Statement(await asking.columns())
  const conditions = [inPeriod(statement, Date.now() - 30 * dayMs, undefined)]
  if (search !== '') conditions.push(`positionCaseInsensitiveUTF8(event, ${statement.bind(search, 'String')}) > 0`)
  const rows = await asking.rows(
    statement,
    `SELECT event, count() AS n, toUnixTimestamp64Milli(max(timestamp)) FROM events WHERE ${allOf(conditions)}
    GROUP BY event ORDER BY n DESC, event LIMIT ${statement.bind(limit, 'UInt32')}`,
  )
  return {
    names: rows.map(([name, count, lastMs]) => ({
      name: String(name),
      count: Number(count),
      last_seen: new Date(Number(lastMs)).toISOString(),
    })),
  }
}

const sampledEvents = 1000

export async function askProperties(asking: Asking, question: { readonly event?: string }): Promise<PropertiesAnswer> {
  const columns = await asking.columns()
  const counts = new Map<string, number>()
  for (const { properties } of await newestEvents(asking, question, sampledEvents)) {
    for (const name of Object.keys(properties)) counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const names = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([name]) => name)
  return { properties: names.map((name) => ({ name, has_column: columns.has(name) })) }
}

const sampledValues = 10_000
const valuesMax = 50
/** As far back as each look goes: values come from the newest days, if these have enough. */
const spansMs = [dayMs, 8 * dayMs, 64 * dayMs]

export async function askPropertyValues(
  asking: Asking,
  question: { readonly property: string; readonly event?: string; readonly search?: string },
): Promise<PropertyValuesAnswer> {
  const { property, event, search = '' } = question
  const nowMs = Date.now()
  const counts = new Map<string, number>()
  let seen = 0
  let beforeMs: number | undefined
  for (const spanMs of spansMs) {
    const statement = new Statement(await asking.columns())
    const text = `toString(${statement.text(property)})`
    const conditions = [inPeriod(statement, nowMs - spanMs, beforeMs), `${text} != ''`]
    if (event !== undefined) conditions.push(`event = ${statement.bind(event, 'String')}`)
    if (search !== '') conditions.push(`positionCaseInsensitiveUTF8(${text}, ${statement.bind(search, 'String')}) > 0`)
    const rows = await asking.rows(
      statement,
      `SELECT value, count() FROM (SELECT ${text} AS value FROM events WHERE ${allOf(conditions)}
        ORDER BY timestamp DESC LIMIT ${statement.bind(sampledValues - seen, 'UInt32')})
      GROUP BY value`,
    )
    for (const [value, count] of rows) {
      counts.set(String(value), (counts.get(String(value)) ?? 0) + Number(count))
      seen += Number(count)
    }
    if (seen >= sampledValues) break
    beforeMs = nowMs - spanMs
  }
  const values = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).slice(0, valuesMax)
  return { values: values.map(([value, count]) => ({ value, count })) }
}
