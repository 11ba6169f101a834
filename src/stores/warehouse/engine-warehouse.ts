import { propertyColumnName, propertyExpression } from './property-columns.ts'
import { sqlName, sqlString } from './sql-text.ts'
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
} from './warehouse.ts'
import type { EngineLink } from './engine-link.ts'
import { answering, engineTableDefaults } from './engine-table.ts'
import type { EngineTable, EngineTableConfig } from './engine-table.ts'
import { distributed, onCluster, storedTableName } from './layout.ts'
import type { Layout } from './layout.ts'
import { maintainEvents } from './maintain-events.ts'
import type { MaintenanceConfig, RestingMonths } from './maintain-events.ts'
import { readPropertyColumns } from './read-property-columns.ts'

export interface EngineWarehouseConfig extends EngineTableConfig {
  /** Properties with a column of their own; each costs an insert about half a microsecond a row. */
  readonly propertyColumnsMax: number
  readonly maintenance: MaintenanceConfig
}

export const engineWarehouseDefaults: EngineWarehouseConfig = {
  ...engineTableDefaults,
  propertyColumnsMax: 32,
  maintenance: { overlapRowsMin: 1_000_000, overlapShareMin: 1 / 4, mergeBytesMax: 20 * 1024 ** 3, restFactor: 50 },
}

/** The table of events, with what it can do beside the others. */
export class EngineWarehouse implements Warehouse {
  readonly #events: EngineTable
  readonly #layout: Layout
  readonly #asking: EngineLink
  /** A merge takes minutes and would keep a link that others need. */
  readonly #maintaining: EngineLink
  readonly #config: EngineWarehouseConfig
  #maintained: Promise<unknown> = Promise.resolve()
  readonly #resting: RestingMonths = new Map()
  #closed: Promise<void> | undefined

  constructor(
    events: EngineTable,
    layout: Layout,
    links: Record<'asking' | 'maintaining', EngineLink>,
    config: EngineWarehouseConfig,
  ) {
    this.#events = events
    this.#layout = layout
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
    const columns = await answering(() => readPropertyColumns(this.#asking, this.#layout))
    if (columns.has(property)) return 'there'
    if (columns.size >= this.#config.propertyColumnsMax) return 'full'
    const column = `${sqlName(propertyColumnName(property))} String MATERIALIZED ${propertyExpression(property)}`
    const altered = `ALTER TABLE ${storedTableName(this.#layout, 'events')}${onCluster(this.#layout)}
      ADD COLUMN IF NOT EXISTS ${column} COMMENT ${sqlString(property)}`
    for (const statement of [altered, ...distributed(this.#layout, 'events')]) {
      await answering(() => this.#asking.command(statement))
    }
    return 'added'
  }

  maintain(): Promise<Maintenance> {
    const turn = this.#maintained.then(async (): Promise<Maintenance> => {
      this.#events.checkOpen()
      try {
        return await answering(() =>
          maintainEvents(this.#maintaining, this.#layout, this.#config.maintenance, this.#resting),
        )
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
