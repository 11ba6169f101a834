import { Type } from 'typebox'
import { oneOf } from './schema-pieces.ts'

export const intervalNames = ['minute', 'hour', 'day', 'week', 'month'] as const
export type Interval = (typeof intervalNames)[number]

export const Interval = oneOf(intervalNames, { description: 'Weeks begin on Monday.' })

export const Timezone = Type.String({
  minLength: 1,
  maxLength: 64,
  default: 'UTC',
  description: 'IANA name of the time zone in which intervals begin, like Europe/Berlin.',
})

/** Most intervals that a question may have. */
export const intervalsMax = 2000
