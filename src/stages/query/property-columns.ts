/**
 * Which properties get columns of their own: those that made a question slow for want of one.
 *
 * One is added at a time, in the order in which they were noted. The table knows its columns itself, so nothing else is to be
 * remembered: after a restart, what is still slow is noted again. Filling the column in older rows is `Warehouse.maintain`'s.
 */
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import * as happened from './query.events.ts'

export interface ColumnPolicyDeps {
  readonly warehouse: Pick<Warehouse, 'addPropertyColumn'>
  readonly telemetry: Telemetry
  /** A question that takes longer than this is slow. */
  readonly slowMs: number
}

export interface ColumnPolicy {
  /** A question read these properties out of the JSON and took so long. Returns at once. */
  readonly noteSlow: (properties: readonly string[], elapsedMs: number) => void
  /** Resolves when all that was noted is done. */
  settled(): Promise<void>
}

/** Properties that wait for their column; more are noted again by the next slow question. */
const waitingMax = 10
/** Longer names are no names; the engine would take them, and so would the answer of each question. */
const propertyCharactersMax = 200

export function createColumnPolicy({ warehouse, telemetry, slowMs }: ColumnPolicyDeps): ColumnPolicy {
  /** Until the next start nothing more is tried: the table has as many as it may have. */
  let isFull = false
  const waiting = new Set<string>()
  let work = Promise.resolve()

  async function add(property: string, elapsedMs: number): Promise<void> {
    try {
      const added = await warehouse.addPropertyColumn(property)
      if (added === 'added') happened.columnAdded(property, elapsedMs).emit(telemetry)
      if (added === 'full' && !isFull) happened.columnsFull(property).emit(telemetry)
      isFull ||= added === 'full'
    } catch (error) {
      happened.columnFailed(property, error).emit(telemetry)
    }
    waiting.delete(property)
  }

  return {
    noteSlow(properties, elapsedMs) {
      if (elapsedMs <= slowMs || isFull) return
      for (const property of properties) {
        if (waiting.has(property) || waiting.size >= waitingMax) continue
        if (property === '' || property.length > propertyCharactersMax) continue
        waiting.add(property)
        work = work.then(() => add(property, elapsedMs))
      }
    },
    settled: () => work,
  }
}
