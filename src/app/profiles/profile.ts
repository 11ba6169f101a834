/**
 * What a profile gives the processes: the stores they work with, as ports. Nothing outside of this folder and of the adapters' own
 * knows which profile runs (design §3).
 */
import type { Flow, FlowName } from '../../event/flows.ts'
import type { Lane, Offsets } from '../../event/position.ts'
import type { ProcessTelemetry } from '../../kit/telemetry/process-telemetry.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { IntakeCounts } from '../../stages/health/books.ts'
import type { LimitedTokens } from '../../stores/coordination/limited-tokens.ts'
import type { Intake } from '../../stores/intake/intake.ts'
import type { EventLog } from '../../stores/log/event-log.ts'
import type { LogSearch } from '../../stores/log/log-search.ts'
import type { PartitionAssignment } from '../../stores/log/partition-assignment.ts'
import type { SqlClient, SqlSession } from '../../stores/state/sql-client.ts'
import type { InsertProgress } from '../../stores/warehouse/insert-progress.ts'
import type { WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'
import type { Warehouse, WarehouseTable } from '../../stores/warehouse/warehouse.ts'
import type { Config } from '../config.ts'

export interface Profile {
  openEdgeStores(config: Config, telemetry: ProcessTelemetry): Promise<EdgeStores>
  openCoreStores(config: Config, telemetry: ProcessTelemetry): Promise<CoreStores>
  openWarehouse(config: Config): Promise<WarehouseStores>
  /** For a process that writes none of its lanes. */
  openLog(config: Config, telemetry: Telemetry): Promise<PinnableLog>
}

export interface EdgeStores {
  readonly intake: Intake
  readonly limitedTokens: LimitedTokens
  readonly sql: SqlClient
  /** What the door has written; there also while the core is away. */
  doorCounts(): Promise<DoorCounts>
  /** How the door's stores are right now; asks nobody. */
  health(): DoorHealth
  /** Removes what nobody needs any more. */
  trim(nowMs: number): Promise<void>
}

export interface CoreStores {
  readonly log: EventLog
  /** Whether the log may have copies that the door could not know as such, so that ingestion has to find them. */
  readonly mayHaveCopies: boolean
  /** Most bytes of rows and exceptions that a record of its derived lanes can hold. */
  readonly derivedBytesMax: number
  readonly assignment: PartitionAssignment
  /** For people who ask about single events. */
  readonly search: LogSearch
  readonly progress: Readonly<Record<FlowName, InsertProgress>>
  readonly sql: SqlClient
  /** The same for the API, with a session for lists that may be a little old; not older than what was changed by its `sql`. */
  readonly api: { readonly sql: SqlClient; readonly reading: SqlSession }
  /** What the door has written; there also while the edge is away. */
  doorCounts(): Promise<DoorCounts>
  trim(nowMs: number): Promise<void>
  close(): Promise<void>
}

export interface DoorHealth {
  /** False while every event is turned away with 503. */
  readonly takesEvents: boolean
  /** What is wrong, in sentences. */
  readonly trouble: readonly string[]
}

export interface DoorCounts {
  /** Undefined where no journal counts: then what the lanes hold is what was stored. */
  readonly counts: IntakeCounts | undefined
  /** Dead letters of the door. */
  readonly refused: number
  /** Where the source lanes end, by source index. */
  readonly endsOf: (flow: Flow) => Offsets
}

export interface WarehouseStores {
  /** The table of events. */
  readonly warehouse: Warehouse
  readonly tables: Readonly<Record<FlowName, WarehouseTable>>
  readonly reader: WarehouseReader
  close(): Promise<void>
}

export interface PinnableLog {
  readonly log: EventLog
  /** Keeps records from these offsets on until the time, Unix milliseconds, as far as it is ours to keep them. */
  pin(name: string, lane: Lane, offsets: Offsets, expiresAtMs: number): Promise<void>
  unpin(name: string, lane: Lane): Promise<void>
  close(): Promise<void>
}
