/**
 * What do stored keys, columns for properties and an index for uuids cost an insert? CPU of inserting NDJSON in blocks of 20,000
 * rows, merges included, and bytes a row.
 *
 *     node bench/trials/property-columns.ts [blocks]
 *
 * The decision is docs/adr/0014.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../src/kit/seeded-random.ts'
import { chdbEngineDefaults } from '../../src/stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine, type ChdbLink } from '../../src/stores/warehouse/chdb/chdb-engine.ts'
import { propertyColumnName, propertyExpression } from '../../src/stores/warehouse/property-columns.ts'
import { neverExpires } from '../../src/stores/warehouse/warehouse-row.ts'

interface Variant {
  readonly columns: readonly string[]
  readonly order: string
  /** Properties that the row carries beside their JSON. */
  readonly carried?: readonly string[]
}

const hot = ['$browser', '$os', '$device_type', '$current_url', '$pathname', '$referring_domain']
const low = new Set(['$browser', '$os', '$device_type', '$referring_domain'])
const lowType = 'LowCardinality(String)'
const mixed = (property: string) => (low.has(property) ? lowType : 'String')
const computed = 'team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid)'
const stored = 'team_id, day, event, distinct_hash, uuid'
const keys = [
  'day Date32 MATERIALIZED toDate32(timestamp)',
  'distinct_hash UInt64 MATERIALIZED cityHash64(distinct_id)',
]
const plain = (property: string) => `JSONExtractString(properties, '${property}')`
const columnsOf = (
  properties: readonly string[],
  type: (property: string) => string,
  sql: (property: string) => string,
) => properties.map((property) => `${propertyColumnName(property)} ${type(property)} MATERIALIZED ${sql(property)}`)

const variants: Readonly<Record<string, Variant>> = {
  'as it was': { columns: [], order: computed },
  'stored keys': { columns: keys, order: stored },
  'stored keys and uuid_hash': {
    columns: [...keys, 'uuid_hash UInt64 MATERIALIZED cityHash64(uuid)'],
    order: 'team_id, day, event, distinct_hash, uuid_hash',
  },
  'stored keys, bloom filter of uuids': {
    columns: [...keys, 'INDEX uuid_bloom uuid TYPE bloom_filter(0.01) GRANULARITY 1'],
    order: stored,
  },
  'stored keys, minmax of timestamp': {
    columns: [...keys, 'INDEX timestamp_minmax timestamp TYPE minmax GRANULARITY 1'],
    order: stored,
  },
  '6 columns, exact': { columns: [...keys, ...columnsOf(hot, mixed, propertyExpression)], order: stored },
  '6 columns, exact, all String': {
    columns: [...keys, ...columnsOf(hot, () => 'String', propertyExpression)],
    order: stored,
  },
  '6 columns, exact, all LowCardinality': {
    columns: [...keys, ...columnsOf(hot, () => lowType, propertyExpression)],
    order: stored,
  },
  '6 columns, JSONExtractString alone': { columns: [...keys, ...columnsOf(hot, mixed, plain)], order: stored },
  '6 columns, written by ingestion': {
    columns: [...keys, ...hot.map((property) => `${propertyColumnName(property)} ${mixed(property)}`)],
    order: stored,
    carried: hot,
  },
}

const blocks = Number(process.argv[2] ?? '15')
const blockRows = 20_000
for (const [name, variant] of Object.entries(variants))
  console.log(JSON.stringify({ name, ...(await measure(variant)) }))

async function measure({ columns, order, carried = [] }: Variant): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-trial-'))
  const engine = await openChdbEngine({ folder, ...chdbEngineDefaults })
  const link = engine.connect()
  await run(link, 'CREATE DATABASE sluice')
  await run(
    link,
    `CREATE TABLE sluice.events
    (
      uuid UUID, event LowCardinality(String), properties String CODEC(ZSTD(1)), timestamp DateTime64(6, 'UTC'),
      team_id Int64, distinct_id String, created_at DateTime64(3, 'UTC'), accepted_at DateTime64(3, 'UTC'),
      expires_at DateTime('UTC'), version UInt64, _incarnation UInt32, _partition UInt16, _offset UInt64, _index UInt16,
      ${columns.map((column) => `${column},`).join('\n')}
      INDEX accepted_at_minmax accepted_at TYPE minmax GRANULARITY 1, INDEX offset_minmax _offset TYPE minmax GRANULARITY 1
    )
    ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(accepted_at) ORDER BY (${order}) TTL expires_at
    SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1`,
  )
  const values = Array.from({ length: blocks }, (_, at) => block(at, carried))
  const before = process.cpuUsage()
  let insertUs = 0
  for (const [at, one] of values.entries()) {
    const began = process.cpuUsage()
    await link.rawInsert({
      table: 'sluice.events',
      format: 'JSONEachRow',
      values: one,
      settings: {
        insert_deduplication_token: `block-${String(at)}`,
        input_format_parallel_parsing: 0,
        max_threads: 1,
        max_insert_threads: 1,
        optimize_on_insert: 0,
        min_insert_block_size_rows: 2_000_000,
        max_insert_block_size: 2_000_000,
      },
    })
    const { user, system } = process.cpuUsage(began)
    insertUs += user + system
  }
  await run(link, 'OPTIMIZE TABLE sluice.events FINAL')
  const { user, system } = process.cpuUsage(before)
  const [size] = await rowsOf(link, `SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'`)
  await link.close()
  await engine.close()
  await rm(folder, { recursive: true, force: true })
  const rows = blocks * blockRows
  const perRow = (us: number) => Number((us / rows).toFixed(2))
  return {
    insertUs: perRow(insertUs),
    withOneFullMergeUs: perRow(user + system),
    bytesPerRow: Math.round(Number(size?.[0]) / rows),
  }
}

async function run(link: ChdbLink, query: string): Promise<void> {
  await link.client.command({ query })
}

async function rowsOf(link: ChdbLink, query: string): Promise<readonly (readonly unknown[])[]> {
  return await (await link.client.query({ query, format: 'JSONCompactEachRow' })).json<unknown[]>()
}

/** Events like those of a browser's SDK: about 0.75 KB of JSON each, some twenty properties. */
function block(number: number, carried: readonly string[]): Buffer {
  const random = seededRandom(number + 1)
  const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0]
  const hex = (length: number) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('')
  const lines: string[] = []
  for (let at = 0; at < blockRows; at++) {
    const offset = number * blockRows + at
    const nowMs = Date.UTC(2026, 2, 1) + offset * 200
    const path = `/products/${String(Math.floor(random() * 5000))}`
    const properties: Record<string, unknown> = {
      $os: pick(['Windows', 'Mac OS X', 'iOS', 'Android']),
      $browser: pick(['Chrome', 'Safari', 'Mobile Safari', 'Firefox', 'Chrome']),
      $browser_version: Math.floor(random() * 30) + 100,
      $device_type: pick(['Desktop', 'Mobile']),
      $current_url: `https://shop.example.com${path}?utm_campaign=spring`,
      $host: 'shop.example.com',
      $pathname: path,
      $screen_width: pick([1920, 1440, 390, 2560, 412]),
      $screen_height: pick([1080, 900, 844, 1440, 915]),
      $viewport_width: 1903,
      $viewport_height: 949,
      $lib: 'web',
      $lib_version: '1.275.1',
      $insert_id: hex(16),
      $time: nowMs / 1000,
      $device_id: `0190${hex(4)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`,
      $session_id: `0190${hex(4)}-${hex(4)}-7${hex(3)}-9${hex(3)}-${hex(12)}`,
      $referrer: pick(['https://www.google.com/', '$direct', 'https://news.ycombinator.com/', 'https://github.com/']),
      $referring_domain: pick(['www.google.com', '$direct', 'news.ycombinator.com', 'github.com']),
      $active_feature_flags: ['new-nav', 'checkout-v2'],
      plan: pick(['free', 'team', 'scale', 'enterprise']),
      cart_value: Math.round(random() * 50_000) / 100,
      items: Math.floor(random() * 12),
      is_returning: random() < 0.6,
    }
    const row: Record<string, unknown> = {
      uuid: `0190${hex(4)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`,
      event: pick(['$pageview', '$autocapture', '$pageleave', 'order completed', 'product viewed', 'signup']),
      properties: JSON.stringify(properties),
      timestamp: nowMs * 1000,
      team_id: 1,
      distinct_id: `user-${String(Math.floor(random() * 200_000))}@example.com`,
      created_at: nowMs,
      accepted_at: nowMs,
      expires_at: neverExpires,
      version: 1,
      _incarnation: 1,
      _partition: offset % 16,
      _offset: offset,
      _index: 0,
    }
    for (const property of carried) row[propertyColumnName(property)] = properties[property]
    lines.push(JSON.stringify(row))
  }
  return Buffer.from(`${lines.join('\n')}\n`)
}
