/**
 * Which properties get columns of their own: those that made a question slow for want of one.
 *
 * One is added at a time, in the order in which they were noted. The table knows its columns itself, so nothing else is to be
 * remembered: after a restart, what is still slow is noted again. Filling the column in older rows is `Warehouse.maintain`'s.
 */
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { PropertyColumns } from '../../stores/warehouse/property-columns.ts'
import type { WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'
import type { Warehouse } from '../../stores/warehouse/warehouse.ts'
import * as happened from './query.events.ts'

export interface ColumnPolicyDeps {
  readonly warehouse: Pick<Warehouse, 'addPropertyColumn'>
  readonly reader: Pick<WarehouseReader, 'propertyColumns'>
  readonly telemetry: Telemetry
  /** A question that takes longer than this is slow. */
  readonly slowMs: number
}

export interface ColumnPolicy {
  /** As far as is known here; empty until the first look. A view made from now on has them all. */
  columns(): PropertyColumns
  /** A question read these properties out of the JSON and took so long. Returns at once. */
  noteSlow(properties: readonly string[], elapsedMs: number): void
  /** Resolves when all that was noted is done. */
  settled(): Promise<void>
}

/** Properties that wait for their column; more are noted again by the next slow question. */
const waitingMax = 10
/** Longer names are no names; the engine would take them, and so would the answer of each question. */
const propertyCharactersMax = 200

export function createColumnPolicy({ warehouse, reader, telemetry, slowMs }: ColumnPolicyDeps): ColumnPolicy {
  let known: PropertyColumns = new Map()
  let isFull = false
  const waiting = new Set<string>()
  let work: Promise<void> = look()

  async function look(): Promise<void> {
    try {
      known = await reader.propertyColumns()
    } catch (error) {
      happened.columnFailed('', error).emit(telemetry)
    }
  }

  async function add(property: string, elapsedMs: number): Promise<void> {
    try {
      const added = await warehouse.addPropertyColumn(property)
      if (added === 'added') happened.columnAdded(property, elapsedMs).emit(telemetry)
      if (added === 'full' && !isFull) happened.columnsFull(property, known.size).emit(telemetry)
      isFull = added === 'full'
    } catch (error) {
      happened.columnFailed(property, error).emit(telemetry)
    }
    waiting.delete(property)
    await look()
  }

  return {
    columns: () => known,
    noteSlow(properties, elapsedMs) {
      if (elapsedMs <= slowMs || isFull) return
      for (const property of properties) {
        if (known.has(property) || waiting.has(property) || waiting.size >= waitingMax) continue
        if (property === '' || property.length > propertyCharactersMax) continue
        waiting.add(property)
        work = work.then(() => add(property, elapsedMs))
      }
    },
    settled: () => work,
  }
}
