/** What every answer to a question says about how much it has seen; of the whole installation. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import type { Freshness } from '../../stages/health/freshness.ts'

/** Spread into the schema of an answer. */
export const completenessFields = {
  complete_through: Type.String({
    format: 'date-time',
    description: 'Every event accepted up to this time is counted.',
  }),
  waiting_events: Type.Integer({
    description: 'Events that were accepted and are not in the table yet; events of the health check are not counted.',
  }),
  parked_events: Type.Integer({
    description:
      'Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told.',
  }),
}

export type Completeness = {
  readonly [Name in keyof typeof completenessFields]: Static<(typeof completenessFields)[Name]>
}

export interface CompletenessSource {
  /** Looked at anew, so that an answer says how complete it was at that moment. */
  freshness(): Promise<Pick<Freshness, 'completeThroughMs' | 'waitingEvents'>>
  /** See `parkedEvents` of `stages/health/books.ts`. */
  parkedEvents(): Promise<number>
}

/** Look before the question runs: what arrives meanwhile may or may not be counted. Spread into the answer. */
export async function completenessNow(source: CompletenessSource): Promise<Completeness> {
  const { completeThroughMs, waitingEvents } = await source.freshness()
  return {
    complete_through: new Date(completeThroughMs).toISOString(),
    waiting_events: waitingEvents,
    parked_events: await source.parkedEvents(),
  }
}
