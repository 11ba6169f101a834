/** What there is to ask about: names of events and properties, values of a property. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { time } from './schema-pieces.ts'

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
    description: 'At most 50 of the newest 10,000 events, most frequent first.',
  }),
})
export type PropertyValuesAnswer = Static<typeof PropertyValuesAnswer>
