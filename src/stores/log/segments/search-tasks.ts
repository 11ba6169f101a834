/** What the event loop and the search thread say to each other. */
import type { FlowName } from '../../../event/flows.ts'
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
  | { readonly kind: 'places'; readonly places: readonly Place[] }
  | { readonly kind: 'refused'; readonly limit: number; readonly tokens: readonly string[] | undefined }
  | { readonly kind: 'decisions'; readonly derived: DerivedLane; readonly slots: readonly Slot[] }
  | { readonly kind: 'parked'; readonly derived: DerivedLane; readonly limit: number }

/** Whose batches are looked for, and how many partitions each of its source lanes has. */
export interface DerivedLane {
  readonly flow: FlowName
  readonly partitionCount: number
}

/** A place as derived batches have it: the partition is the source index. */
export interface Slot {
  readonly partition: number
  readonly offset: number
}

export type SearchAnswer =
  | { readonly outcome: 'entries'; readonly found: Found<DoorEntry> }
  | { readonly outcome: 'decisions'; readonly found: Found<Decision> }
  | { readonly outcome: 'failed'; readonly reason: string }
