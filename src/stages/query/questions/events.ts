/** Single events: the newest that match, and one by its id. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { textOrNull, time } from './schema-pieces.ts'
import type { PropertyFilter } from './property-filter.ts'

const eventFields = {
  uuid: Type.String(),
  event: Type.String(),
  distinct_id: Type.String(),
  timestamp: time('When it happened.'),
  accepted_at: time('When the door accepted it.'),
  properties: Type.Unsafe<Readonly<Record<string, unknown>>>({ type: 'object', additionalProperties: true }),
}

export const StoredEvent = Type.Object(eventFields, { description: 'An event as the table has it.' })
export type StoredEvent = Static<typeof StoredEvent>

export const LocatedEvent = Type.Object({
  ...eventFields,
  position: Type.Object(
    { incarnation: Type.Integer(), partition: Type.Integer(), offset: Type.Integer() },
    { description: 'Where it stands in the log.' },
  ),
})
export type LocatedEvent = Static<typeof LocatedEvent>

export interface EventsQuestion {
  readonly event?: string
  readonly distinct_id?: string
  /** At this time or later. */
  readonly after?: string
  /** Earlier than this. */
  readonly before?: string
  readonly filters?: readonly PropertyFilter[]
  /** `next_cursor` of the page before. */
  readonly cursor?: string
  readonly limit: number
}

export const EventsAnswer = Type.Object({
  events: Type.Array(StoredEvent, { description: 'Newest first.' }),
  next_cursor: textOrNull('Ask with it as `cursor` for the next page; null: there is none.'),
})
export type EventsAnswer = Static<typeof EventsAnswer>
