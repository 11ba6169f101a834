/** How blocks and lines of the ledger are inserted, whoever has them. */
import type { EngineLink } from './engine-link.ts'
import { tableName } from './layout.ts'
import type { Layout } from './layout.ts'
import type { LedgerLine, TableName } from './warehouse.ts'

/** A single reader: parallel reading also costs more CPU than it saves time. */
const insertSettings = {
  input_format_parallel_parsing: 0,
  max_threads: 1,
  max_insert_threads: 1,
  async_insert: 0,
} as const

/**
 * One block becomes one part: no split by size, and a second month in it is an error. Unknown keys and nulls are errors too: a
 * row is stored whole or not.
 */
const wholeBlock = {
  ...insertSettings,
  max_insert_block_size: 2_000_000,
  min_insert_block_size_rows: 2_000_000,
  min_insert_block_size_bytes: 4 * 1024 ** 3,
  max_partitions_per_insert_block: 1,
  throw_on_max_partitions_per_insert_block: 1,
  insert_deduplicate: 1,
  // Versions are resolved by merges and questions; the part itself holds what the ledger says.
  optimize_on_insert: 0,
  input_format_skip_unknown_fields: 0,
  input_format_null_as_default: 0,
} as const

/** Of a cluster: answered when the rows are on the machines that keep them, on most replicas of each shard. */
const clusterSettings = {
  distributed_foreground_insert: 1,
  insert_quorum: 'auto',
  insert_quorum_parallel: 1,
} as const

type Settings = Readonly<Record<string, string | number>>

/** Of a block of rows under its token. */
export function blockSettings(layout: Layout, token: string): Settings {
  return { insert_deduplication_token: token, ...wholeBlock, ...ofCluster(layout) }
}

/** Stores lines of a table's ledger. */
export async function insertLedger(
  link: EngineLink,
  layout: Layout,
  table: TableName,
  lines: readonly LedgerLine[],
): Promise<void> {
  const values = lines.map(({ partition, fromOffset, toOffset, month, rowCount, idSetHash, token, insertedAtMs }) =>
    JSON.stringify([
      ...[partition, fromOffset, toOffset, month, rowCount, String(idSetHash), token, insertedAtMs],
      ledgerName(table),
    ]),
  )
  await link.insert({
    table: tableName(layout, 'ingest_ledger'),
    format: 'JSONCompactEachRow',
    values: Buffer.from(`${values.join('\n')}\n`),
    settings: { ...insertSettings, ...ofCluster(layout) },
  })
}

/** As `of_table` has it: lines of before there were other tables have none. */
export function ledgerName(table: TableName): string {
  return table === 'events' ? '' : table
}

function ofCluster({ cluster }: Layout): Settings {
  return cluster === undefined ? {} : clusterSettings
}
