import { propertyColumnName, propertyExpression } from '../property-columns.ts'
import { sqlName, sqlString } from '../sql-text.ts'
import type {
  ColumnAdded,
  InsertBlock,
  LedgerLine,
  Maintenance,
  OffsetRange,
  PresentRow,
  RowRange,
  Warehouse,
  WarehouseSize,
} from '../warehouse.ts'
import type { ChdbEngine, ChdbLink } from './chdb-engine.ts'
import { answering, chdbTableDefaults, command, openChdbTable } from './chdb-table.ts'
import type { ChdbTable, ChdbTableConfig } from './chdb-table.ts'
import { maintainEvents } from './maintain-events.ts'
import type { MaintenanceConfig, RestingMonths } from './maintain-events.ts'
import { readPropertyColumns } from './read-property-columns.ts'

export interface ChdbWarehouseConfig extends ChdbTableConfig {
  /** Properties with a column of their own; each costs an insert about half a microsecond a row. */
  readonly propertyColumnsMax: number
  readonly maintenance: MaintenanceConfig
}

export const chdbWarehouseDefaults: ChdbWarehouseConfig = {
  ...chdbTableDefaults,
  propertyColumnsMax: 32,
  maintenance: { overlapRowsMin: 1_000_000, overlapShareMin: 1 / 4, mergeBytesMax: 20 * 1024 ** 3, restFactor: 50 },
}

/** Opens the table of events. */
export async function openChdbWarehouse(
  engine: ChdbEngine,
  config: ChdbWarehouseConfig = chdbWarehouseDefaults,
): Promise<Warehouse> {
  const events = await openChdbTable(engine, 'events', config)
  return new ChdbWarehouse(events, { asking: engine.connect(), maintaining: engine.connect() }, config)
}

class ChdbWarehouse implements Warehouse {
  readonly #events: ChdbTable
  readonly #asking: ChdbLink
  /** A merge takes minutes and would keep a link that others need. */
  readonly #maintaining: ChdbLink
  readonly #config: ChdbWarehouseConfig
  #maintained: Promise<unknown> = Promise.resolve()
  readonly #resting: RestingMonths = new Map()
  #closed: Promise<void> | undefined

  constructor(events: ChdbTable, links: Record<'asking' | 'maintaining', ChdbLink>, config: ChdbWarehouseConfig) {
    this.#events = events
    this.#asking = links.asking
    this.#maintaining = links.maintaining
    this.#config = config
  }

  insert(block: InsertBlock): Promise<void> {
    return this.#events.insert(block)
  }

  present(range: RowRange): AsyncIterable<readonly PresentRow[]> {
    return this.#events.present(range)
  }

  ledger(range: OffsetRange): Promise<readonly LedgerLine[]> {
    return this.#events.ledger(range)
  }

  size(): Promise<WarehouseSize> {
    return this.#events.size()
  }

  async addPropertyColumn(property: string): Promise<ColumnAdded> {
    this.#events.checkOpen()
    const columns = await answering(() => readPropertyColumns(this.#asking))
    if (columns.has(property)) return 'there'
    if (columns.size >= this.#config.propertyColumnsMax) return 'full'
    const column = `${sqlName(propertyColumnName(property))} String MATERIALIZED ${propertyExpression(property)}`
    await answering(() =>
      command(
        this.#asking,
        `ALTER TABLE sluice.events ADD COLUMN IF NOT EXISTS ${column} COMMENT ${sqlString(property)}`,
      ),
    )
    return 'added'
  }

  maintain(): Promise<Maintenance> {
    const turn = this.#maintained.then(async (): Promise<Maintenance> => {
      this.#events.checkOpen()
      try {
        return await answering(() => maintainEvents(this.#maintaining, this.#config.maintenance, this.#resting))
      } catch (error) {
        if (this.#events.isClosed) return { kind: 'none' }
        throw error
      }
    })
    this.#maintained = turn.catch(() => undefined)
    return turn
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    // Stops merges, the one of maintenance too.
    await this.#events.close()
    await this.#maintained
    await this.#asking.close()
    await this.#maintaining.close()
  }
}
