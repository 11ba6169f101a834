/**
 * Which order of the table makes questions fast that resolve versions? Measures questions over rows of 30 days, as live traffic
 * leaves them (blocks follow each other in time) and as an import does (each block has all days), before and after
 * `OPTIMIZE … FINAL`.
 *
 *     node bench/trials/questions-order.ts [rows] [variant…]
 *
 * Rows are made by the engine itself. The decision is docs/adr/0014.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chdbEngineDefaults } from '../../src/stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine, type ChdbLink } from '../../src/stores/warehouse/chdb/chdb-engine.ts'

interface Variant {
  readonly columns: string
  readonly order: string
  readonly day: string
  /** What a question adds so that the order of the table can serve a range of time. */
  readonly week: string
}

const browser = "browser LowCardinality(String) MATERIALIZED JSONExtractString(properties, '$browser')"
const url = "url String MATERIALIZED JSONExtractString(properties, '$current_url')"
const timestamps = "timestamp >= '2026-03-10' AND timestamp < '2026-03-17'"
const days = "day >= '2026-03-10' AND day < '2026-03-17'"

const variants: Readonly<Record<string, Variant>> = {
  computed: {
    columns: '',
    order: 'team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid)',
    day: 'toDate(timestamp)',
    week: timestamps,
  },
  hashes: {
    columns: `day Date32 MATERIALIZED toDate32(timestamp), distinct_hash UInt64 MATERIALIZED cityHash64(distinct_id),
      uuid_hash UInt64 MATERIALIZED cityHash64(uuid),`,
    order: 'team_id, day, event, distinct_hash, uuid_hash',
    day: 'day',
    week: `${timestamps} AND ${days}`,
  },
  uuid: {
    columns: `day Date32 MATERIALIZED toDate32(timestamp), distinct_hash UInt64 MATERIALIZED cityHash64(distinct_id),
      INDEX uuid_bloom uuid TYPE bloom_filter(0.01) GRANULARITY 1,`,
    order: 'team_id, day, event, distinct_hash, uuid',
    day: 'day',
    week: `${timestamps} AND ${days}`,
  },
}

const [rowsText = '10000000', ...chosen] = process.argv.slice(2)
const rowsWanted = Number(rowsText)
const blocks = 200
const blockRows = rowsWanted / blocks
const questionRuns = 7

for (const name of chosen.length > 0 ? chosen : Object.keys(variants)) {
  const variant = variants[name]
  if (variant === undefined) throw new Error(`No variant ${name}; there are ${Object.keys(variants).join(', ')}.`)
  for (const state of ['live', 'import'] as const) await measure(name, variant, state)
}

async function measure(name: string, variant: Variant, state: 'live' | 'import'): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-trial-'))
  const engine = await openChdbEngine({ folder, ...chdbEngineDefaults, memoryBytesMax: 4 * 1024 ** 3 })
  const link = engine.connect()
  await run(link, 'CREATE DATABASE sluice')
  await run(link, tableOf(variant))
  const before = process.cpuUsage()
  for (let block = 0; block < blocks; block++) await run(link, blockOf(block, state))
  await settled(link)
  const { user, system } = process.cpuUsage(before)
  const [size] = await rowsOf(
    link,
    `SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'`,
  )
  const bytesPerRow = Math.round(Number(size?.[1]) / Number(size?.[0]))
  report({ name, state, fillCpuUs: Number(((user + system) / rowsWanted).toFixed(1)), bytesPerRow })
  report(await questions(link, variant, 'as it is'))
  if (state === 'import') {
    const started = performance.now()
    await run(link, 'OPTIMIZE TABLE sluice.events FINAL')
    report({ optimizeMs: Math.round(performance.now() - started) })
    report(await questions(link, variant, 'optimized'))
  }
  await link.close()
  await engine.close()
  await rm(folder, { recursive: true, force: true })
}

async function questions(link: ChdbLink, variant: Variant, when: string): Promise<object> {
  const from = (final: boolean) => `sluice.events ${final ? 'FINAL' : ''} WHERE team_id = 1 AND expires_at > now()`
  const perDay = (final: boolean) =>
    `SELECT ${variant.day} AS day, event, count() FROM ${from(final)} GROUP BY day, event ORDER BY day, event`
  const perDayAndBrowser = (final: boolean) =>
    `SELECT ${variant.day} AS day, browser, count() FROM ${from(final)} GROUP BY day, browser ORDER BY day, browser`
  const funnel = (user: string) => `SELECT level, count() FROM (
    SELECT windowFunnel(1209600)(toDateTime(timestamp), event = 'event 0', event = 'event 2', event = 'event 5') AS level
    FROM ${from(true)} AND event IN ('event 0', 'event 2', 'event 5') GROUP BY ${user}) GROUP BY level ORDER BY level`
  const [parts] = await rowsOf(link, `SELECT count() FROM system.parts WHERE active AND table = 'events'`)
  return {
    when,
    parts: Number(parts?.[0]),
    perDay: await timed(link, perDay(true)),
    perDayInOrder: await timed(link, `${perDay(true)} SETTINGS optimize_aggregation_in_order = 1`),
    perDayPlain: await timed(link, perDay(false)),
    perBrowser: await timed(link, perDayAndBrowser(true)),
    perUrl: await timed(
      link,
      `SELECT ${variant.day} AS day, url, count() FROM ${from(true)} GROUP BY day, url ORDER BY count() DESC LIMIT 100`,
    ),
    perBrowserPlain: await timed(link, perDayAndBrowser(false)),
    weekOfOneEvent: await timed(
      link,
      `SELECT ${variant.day} AS day, count() FROM ${from(true)} AND ${variant.week} AND event = 'event 0' GROUP BY day`,
    ),
    funnel: await timed(link, funnel('distinct_id')),
    uniqueUsers: await timed(
      link,
      `SELECT ${variant.day} AS day, uniqExact(distinct_id) FROM ${from(true)} GROUP BY day`,
    ),
  }
}

function tableOf({ columns, order }: Variant): string {
  return `CREATE TABLE sluice.events
  (
    uuid UUID, event LowCardinality(String), properties String CODEC(ZSTD(1)), timestamp DateTime64(6, 'UTC'),
    team_id Int64, distinct_id String, created_at DateTime64(3, 'UTC'), accepted_at DateTime64(3, 'UTC'),
    expires_at DateTime('UTC'), version UInt64,
    _incarnation UInt32, _partition UInt16, _offset UInt64, _index UInt16,
    ${browser}, ${url}, ${columns}
    INDEX accepted_at_minmax accepted_at TYPE minmax GRANULARITY 1,
    INDEX offset_minmax _offset TYPE minmax GRANULARITY 1
  )
  ENGINE = ReplacingMergeTree(version) PARTITION BY toYYYYMM(accepted_at) ORDER BY (${order}) TTL expires_at
  SETTINGS non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1`
}

/** Rows of one block. An event's number decides all about it; an import's block takes every 200th, so it has all days. */
function blockOf(block: number, state: 'live' | 'import'): string {
  const number =
    state === 'live' ? `number + ${String(block * blockRows)}` : `number * ${String(blocks)} + ${String(block)}`
  const us = `toInt64(1772323200000000 + n * ${String(Math.floor((30 * 86_400_000_000) / rowsWanted))})`
  const accepted = state === 'live' ? `fromUnixTimestamp64Milli(intDiv(us, 1000))` : `toDateTime64('2026-04-02', 3)`
  return `INSERT INTO sluice.events (uuid, event, properties, timestamp, team_id, distinct_id, created_at, accepted_at,
    expires_at, version, _incarnation, _partition, _offset, _index)
  WITH ${number} AS n, ${us} AS us, cityHash64(n) AS h, cityHash64(h) AS h2, cityHash64(h2) AS h3,
    intDiv(h, 7) % 200000 AS person, ['Chrome', 'Safari', 'Mobile Safari', 'Firefox', 'Edge', 'Chrome iOS'] AS browsers,
    ['Windows', 'Mac OS X', 'iOS', 'Android'] AS systems
  SELECT generateUUIDv7(n), concat('event ', toString(toUInt32(floor(20 * pow((h2 % 10000) / 10000, 3))))),
    concat('{"$os":"', systems[1 + person % 4], '","$browser":"', browsers[1 + person % 6],
      '","$browser_version":', toString(100 + h % 30), ',"$device_type":"Desktop","$current_url":"https://shop.example.com/products/',
      toString(h2 % 5000), '?utm_campaign=spring","$host":"shop.example.com","$pathname":"/products/', toString(h2 % 5000),
      '","$screen_width":1920,"$screen_height":1080,"$viewport_width":1903,"$viewport_height":949,"$lib":"web","$lib_version":"1.275.1","$insert_id":"',
      hex(h), '","$time":', toString(us / 1000000), ',"$device_id":"0190', lower(hex(cityHash64(person))), '","$session_id":"0190',
      lower(hex(cityHash64(person, intDiv(us, 3600000000)))), lower(hex(cityHash64(person, 3))),
      '","$referrer":"https://www.google.com/","$referring_domain":"www.google.com","$active_feature_flags":["new-nav","checkout-v2"],"plan":"',
      ['free','team','scale'][1 + h3 % 3], '","cart_value":', toString((h3 % 50000) / 100), ',"items":', toString(h3 % 12), ',"is_returning":true}'),
    fromUnixTimestamp64Micro(us), 1, concat('user-', toString(person), '@example.com'), ${accepted}, ${accepted},
    4294967295, 1, 1, n % 16, intDiv(n, 16), 0
  FROM numbers(${String(blockRows)})
  SETTINGS max_threads = 1, max_insert_threads = 1, optimize_on_insert = 0, max_block_size = 2000000,
    min_insert_block_size_rows = 2000000, min_insert_block_size_bytes = 4000000000`
}

async function settled(link: ChdbLink): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    const [row] = await rowsOf(link, 'SELECT count() FROM system.merges')
    if (Number(row?.[0]) > 0) quiet = -1
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** Median of wall time and of CPU time in milliseconds, after one run that warms the caches. */
async function timed(link: ChdbLink, sql: string): Promise<string> {
  await run(link, 'SET max_threads = 2')
  await rowsOf(link, sql)
  const times: number[] = []
  const cpu = process.cpuUsage()
  for (let at = 0; at < questionRuns; at++) {
    const started = performance.now()
    await rowsOf(link, sql)
    times.push(performance.now() - started)
  }
  const { user, system } = process.cpuUsage(cpu)
  times.sort((a, b) => a - b)
  return `${String(Math.round(times[questionRuns >> 1] ?? 0))} (cpu ${String(Math.round((user + system) / 1000 / questionRuns))})`
}

async function run(link: ChdbLink, query: string): Promise<void> {
  await link.client.command({ query })
}

async function rowsOf(link: ChdbLink, query: string): Promise<readonly (readonly unknown[])[]> {
  return await (await link.client.query({ query, format: 'JSONCompactEachRow' })).json<unknown[]>()
}

function report(what: object): void {
  console.log(JSON.stringify(what))
}
