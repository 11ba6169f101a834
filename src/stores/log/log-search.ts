/**
 * Looks into what the log still holds for single events, without moving any reader. For people who ask "what became of
 * it?": each search is bounded in time and bytes, and at most one runs at a time.
 *
 * Words:
 * - entry: what the door decided about one event of a request; see `segments/frame.ts`.
 * - decision: the derived batch that covers a source position, and what it says about it.
 * - searched: which stretch of log time was looked at; whatever retention took away lies before `fromMs`.
 */
import type { SourceException } from '../../event/derived-batch.ts'
import type { Lane, Position } from '../../event/position.ts'

export interface LogSearch {
  /** Everything that the door wrote about events with this uuid, oldest first; at most `entriesMax` of them. */
  entriesOf(uuid: string, signal: AbortSignal): Promise<Found<DoorEntry>>
  /** The entries that have these places, in no order; those that are gone are left out. */
  entriesAt(places: readonly Place[], signal: AbortSignal): Promise<Found<DoorEntry>>
  /** The newest events that the door refused one by one, newest first; with `tokens` only those of these tokens. */
  refused(limit: number, tokens: readonly string[] | undefined, signal: AbortSignal): Promise<Found<DoorEntry>>
  /** What ingestion decided about these source places, in no order; those without a decision in the log are left out. */
  decisionsAt(places: readonly Place[], signal: AbortSignal): Promise<Found<Decision>>
  /** The newest dead letters of ingestion, of all flows, newest first. */
  parked(limit: number, signal: AbortSignal): Promise<Found<Decision>>
  /** Ends what runs. Safe to call twice. */
  close(): Promise<void>
}

/** Of a record that the door wrote. */
export interface Place {
  readonly lane: Lane
  readonly partition: number
  readonly offset: number
}

export interface Found<T> {
  readonly items: readonly T[]
  readonly searched: Searched
}

export interface Searched {
  /** Log time where the search began; undefined when there is no log yet. */
  readonly fromMs: number | undefined
  readonly throughMs: number
  /** False when time, bytes or damage left a hole between the two, or more was found than is answered. */
  readonly complete: boolean
}

export interface DoorEntry {
  readonly uuid: string
  readonly verdict: 'stored' | 'duplicate' | 'refused'
  /** Of the first copy for a duplicate; its incarnation is not known from here. */
  readonly position: Place & { readonly incarnation: number | undefined }
  /** When the door took the request, log time. */
  readonly timeMs: number
  readonly token: string
  readonly distinctId: string
  /** Why it was refused, else empty. */
  readonly reason: string
  readonly isCanary: boolean
  readonly isErased: boolean
  /** What the door said of it beside its bytes, by the names of the headers. */
  readonly marks: readonly string[]
  /** The event as the client sent it, cut; undefined for a duplicate, whose text may not be kept. */
  readonly raw: string | undefined
}

export interface Decision {
  readonly place: Place
  /** Where the derived batch stands in the derived lane of the flow. */
  readonly batch: Position
  readonly epoch: number
  /** Source offsets that the batch decided, `to` exclusive. */
  readonly from: number
  readonly to: number
  /** When the batch was durable, log time. */
  readonly timeMs: number
  /** Undefined when the event became a row; its `raw` is cut. */
  readonly exception: SourceException | undefined
  /** What is known of the row. */
  readonly row: DecidedRow | undefined
}

export interface DecidedRow {
  readonly uuid: string
  readonly event: string
  readonly projectId: number
  readonly version: number
  /** Unix seconds. */
  readonly expiresAt: number
}

/** Of one answer about a uuid. More occurrences of one event are a client that sends it for ever. */
export const entriesMax = 100
/** Characters of an event's text that are answered. */
export const rawCharsMax = 4096
