/** What the event loop and the search thread say to each other. */
import type { Lane } from '../../../event/position.ts'
import type { Decision, DoorEntry, Found, Place } from '../log-search.ts'
import type { Stretch } from './stretches.ts'

/** Stretches stand in the order in which they are to be searched. */
export interface SearchOrder {
  readonly task: SearchTask
  readonly stretches: readonly Stretch[]
  readonly bytesMax: number
  readonly timeMsMax: number
}

export type SearchTask =
  | { readonly kind: 'uuid'; readonly uuid: string }
  | { readonly kind: 'places'; readonly lane: Lane; readonly places: readonly Place[] }
  | { readonly kind: 'refused'; readonly limit: number; readonly tokens: readonly string[] | undefined }
  | { readonly kind: 'decisions'; readonly places: readonly Place[] }
  | { readonly kind: 'parked'; readonly limit: number }

export type SearchAnswer =
  | { readonly outcome: 'entries'; readonly found: Found<DoorEntry> }
  | { readonly outcome: 'decisions'; readonly found: Found<Decision> }
  | { readonly outcome: 'failed'; readonly reason: string }
