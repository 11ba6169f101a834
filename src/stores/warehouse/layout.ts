/**
 * Where the tables lie, and how their numbered migrations are written for that place.
 *
 * Words:
 * - single: one ClickHouse that has all rows. A table is a table.
 * - cluster: shards, each with replicas. What keeps rows is `<table>_local` on every machine, replicated within its shard;
 *   `<table>` is a Distributed table over all of them, by which everybody inserts and asks. Statements are the same on all
 *   machines (`ON CLUSTER`).
 * - sharding key: which shard a row goes to. It is made of the table's sorting key alone, so that all versions and copies of a
 *   row are on one shard, where they are resolved.
 */
import { sqlName, sqlString } from './sql-text.ts'
import { tokensKeptMin } from './warehouse.ts'

export interface Layout {
  readonly database: string
  /** Name of the cluster in the servers' `remote_servers`; absent: a single ClickHouse. */
  readonly cluster?: string
}

export const embeddedLayout: Layout = { database: 'sluice' }

/**
 * Servers forget tokens by age too, after an hour or a week as their release has it. A writer that stood still for longer still
 * has to be recognised.
 */
export const tokensKeptSeconds = 31_536_000

const shardingKeys: Readonly<Record<string, string>> = {
  events: 'cityHash64(distinct_id)',
  events_copy: 'cityHash64(distinct_id)',
  session_recording_events: 'cityHash64(session_id)',
  heatmaps: 'cityHash64(uuid)',
  ingest_ledger: 'cityHash64(partition)',
}

/** The macros are the servers' own; `{uuid}` is the table's, so that it keeps its path when tables change places. */
const replicated = "'/clickhouse/tables/{uuid}/{shard}', '{replica}'"
/** One set of replicas over all shards: small tables that every machine has whole. */
const replicatedEverywhere = "'/clickhouse/tables/{uuid}/everywhere', '{shard}-{replica}'"

/** By which everybody inserts and asks. */
export function tableName(layout: Layout, table: string): string {
  return `${databaseName(layout)}.${table}`
}

/** What keeps the rows on the machine that is asked. */
export function storedTable(layout: Layout, table: string): string {
  return layout.cluster !== undefined && table in shardingKeys ? `${table}_local` : table
}

export function storedTableName(layout: Layout, table: string): string {
  return tableName(layout, storedTable(layout, table))
}

export function databaseName({ database }: Layout): string {
  return /^[a-z_]\w*$/i.test(database) ? database : sqlName(database)
}

/** Behind the name in a statement that concerns every machine. */
export function onCluster({ cluster }: Layout): string {
  return cluster === undefined ? '' : ` ON CLUSTER ${sqlName(cluster)}`
}

/** A table of `system`, of one machine of each shard. */
export function systemTable({ cluster }: Layout, name: string): string {
  return cluster === undefined ? `system.${name}` : `cluster(${sqlString(cluster)}, system.${name})`
}

/** The statement as the layout has it: of a single ClickHouse the same with its database, of a cluster often several. */
export function statementsFor(layout: Layout, statement: string): readonly string[] {
  if (layout.cluster === undefined) return [inDatabase(layout, statement)]
  const [, kind, table, other] =
    /^(?:--.*\n|\s)*(CREATE DATABASE|CREATE TABLE|DROP TABLE|ALTER TABLE|INSERT INTO|EXCHANGE TABLES)(?: IF(?: NOT)? EXISTS)? sluice\.?(\w*)(?: AND sluice\.(\w+))?/.exec(
      statement,
    ) ?? []
  if (kind === undefined || table === undefined) {
    throw new TypeError(`A migration has a statement that no cluster knows: ${statement.slice(0, 100)}`)
  }
  switch (kind) {
    case 'CREATE DATABASE':
      return [`${inDatabase(layout, statement)}${onCluster(layout)}`]
    case 'CREATE TABLE':
      return [onEveryMachine(layout, withReplicas(statement, table)), ...distributed(layout, table)]
    case 'ALTER TABLE':
      return [onEveryMachine(layout, statement), ...distributed(layout, table)]
    case 'DROP TABLE':
      return [
        `DROP TABLE IF EXISTS ${tableName(layout, table)}${onCluster(layout)} SYNC`,
        onEveryMachine(layout, statement),
      ]
    case 'EXCHANGE TABLES':
      return [
        `EXCHANGE TABLES ${storedTableName(layout, table)} AND ${storedTableName(layout, other ?? '')}${onCluster(layout)}`,
        ...distributed(layout, table),
        ...distributed(layout, other ?? ''),
      ]
    default:
      // Between Distributed tables, whose rows must be there when the next statement begins.
      return [inDatabase(layout, statement).replace(/\bSETTINGS /, 'SETTINGS distributed_foreground_insert = 1, ')]
  }
}

function onEveryMachine(layout: Layout, statement: string): string {
  return statement.replace(
    /((?:CREATE|DROP|ALTER) TABLE(?: IF(?: NOT)? EXISTS)?) sluice\.(\w+)/,
    (_, verb: string, table: string) => `${verb} ${storedTableName(layout, table)}${onCluster(layout)}`,
  )
}

function withReplicas(statement: string, table: string): string {
  const place = table in shardingKeys ? replicated : replicatedEverywhere
  return statement
    .replace(/ENGINE = (\w*MergeTree)(?:\((.*?)\))?/, (_, engine: string, own: string | undefined) => {
      return `ENGINE = Replicated${engine}(${own === undefined ? place : `${place}, ${own}`})`
    })
    .replace(
      /\bnon_replicated_deduplication_window = \d+/,
      `replicated_deduplication_window = ${String(tokensKeptMin)}, replicated_deduplication_window_seconds = ${String(tokensKeptSeconds)}`,
    )
}

/** The table over all shards with the columns that the stored one has now. It holds no rows, so it can be made anew. */
export function distributed(layout: Layout, table: string): readonly string[] {
  const key = shardingKeys[table]
  if (key === undefined || layout.cluster === undefined) return []
  const place = [layout.cluster, layout.database, storedTable(layout, table)].map(sqlString).join(', ')
  return [
    `CREATE OR REPLACE TABLE ${tableName(layout, table)}${onCluster(layout)} AS ${storedTableName(layout, table)}
      ENGINE = Distributed(${place}, ${key})`,
  ]
}

function inDatabase(layout: Layout, statement: string): string {
  if (layout.database === 'sluice') return statement
  return statement.replaceAll(/\bsluice\b/g, databaseName(layout))
}
