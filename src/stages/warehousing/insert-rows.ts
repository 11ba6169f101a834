/** One insert, as often as it takes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, Failure } from '../../kit/failure.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { BlockIntent } from '../../stores/warehouse/insert-progress.ts'
import type { WarehouseTable } from '../../stores/warehouse/warehouse.ts'
import { halvesOf, placeOf, withRows } from './batch-rows.ts'
import { insertBlockOf, rowCountOf } from './block.ts'
import type { ReadBatch } from './block.ts'
import * as happened from './warehousing.events.ts'

export interface InsertRowsDeps {
  readonly warehouse: Pick<WarehouseTable, 'insert'>
  readonly telemetry: Telemetry
  /** The longest pause between two tries. */
  readonly retryMsMax: number
  /** Places of rows that the table refused in this life of the process. */
  readonly refused: Set<string>
}

/** Before each try: rejects when it must not be made. */
export type Permit = () => Promise<void>

/**
 * Resolves with a partition for each row that the table refused for good. Such a row must not hold up all others: the block is cut in
 * halves until it stands alone, then it is left out and said so. `verify` names it as lost.
 */
export async function insertRows(
  block: BlockIntent,
  batches: readonly ReadBatch[],
  deps: InsertRowsDeps,
  permit: Permit,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const { warehouse, telemetry, retryMsMax } = deps
  for (let delayMs = Math.min(100, retryMsMax); ; delayMs = Math.min(delayMs * 2, retryMsMax)) {
    await permit()
    try {
      await warehouse.insert(insertBlockOf(block, batches))
      return []
    } catch (error) {
      if (codeOf(error) === 'SLUICE_WAREHOUSE_ROW') {
        if (block.rowCount > 1) return await insertHalves(block, batches, deps, permit, signal)
        return batches.filter(({ head }) => head.rowCount > 0).map((batch) => leaveOut(batch, error, deps))
      }
      if (!(error instanceof Failure && error.retryable) || signal.aborted) throw error
      happened.insertRetries(error, delayMs).emit(telemetry)
      await sleep(delayMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

async function insertHalves(
  block: BlockIntent,
  batches: readonly ReadBatch[],
  deps: InsertRowsDeps,
  permit: Permit,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const refusedIn: number[] = []
  for (const [index, half] of halvesOf(batches).entries()) {
    const part = { ...block, token: `${block.token}-${String(index)}`, rowCount: rowCountOf(half) }
    refusedIn.push(...(await insertRows(part, half, deps, permit, signal)))
  }
  return refusedIn
}

function leaveOut(batch: ReadBatch, refusal: unknown, { refused, telemetry }: InsertRowsDeps): number {
  withRows(batch, (row) => {
    refused.add(placeOf(row))
    happened.rowRefused(placeOf(row), refusal).emit(telemetry)
    return false
  })
  return batch.head.partition
}
