/**
 * The answer to "what became of this event?". `explain-event.ts` finds it out.
 *
 * Words:
 * - occurrence: one time that an event with the uuid came to the door, with what followed.
 * - fate: what all occurrences together come to.
 * - onward: what happened to a stored event behind the door; a duplicate shares it with its first copy.
 * - scope: the project of whoever asks. What came under none of its tokens, and rows of others, are as if they were not.
 */
import type { Lane } from '../../event/position.ts'
import type { Place, Searched } from '../../stores/log/log-search.ts'

export type Fate =
  'in_table' | 'waiting' | 'refused' | 'duplicate' | 'dropped' | 'parked' | 'damaged' | 'gone' | 'unknown'

export interface JourneyStep {
  readonly stage: 'door' | 'ingestion' | 'warehouse' | 'table'
  /**
   * - door: stored, duplicate, refused.
   * - ingestion: waiting, row, dropped, parked, damaged, decided (the batch that says how is gone).
   * - warehouse: waiting, inserted.
   * - table: row, replaced, expired, missing.
   */
  readonly verdict: string
  readonly atMs: number | undefined
  readonly lane: Lane | undefined
  /** In `lane`. */
  readonly position: (Omit<Place, 'lane'> & { readonly incarnation: number | undefined }) | undefined
  readonly reason: string | undefined
  /** Deduplication token of the insert. */
  readonly token: string | undefined
  /** For people. */
  readonly detail: string
}

export interface Occurrence {
  readonly acceptedAtMs: number | undefined
  readonly fate: Fate
  readonly steps: readonly JourneyStep[]
}

export interface Journey {
  readonly uuid: string
  readonly fate: Fate
  readonly summary: string
  readonly occurrences: readonly Occurrence[]
  readonly searched: Searched
}

export interface Scope {
  readonly projectId: number
  /** All that ever wrote to the project. */
  readonly tokens: readonly string[]
}
