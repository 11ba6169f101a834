/**
 * How should the properties of events be stored? Measures, for each way: CPU of an insert, bytes on disk, and the time of
 * three questions over the project's view (versions resolved).
 *
 *     node bench/trials/properties-storage.ts [rows] [variant…]
 *
 * The first rows go in as NDJSON in blocks of 10,000, as the warehouse writer does it; copies of them, each of another
 * day with other ids, fill the table up. The decision is docs/adr/0006.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../../src/kit/seeded-random.ts'
import { chdbEngineDefaults } from '../../src/stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine, type ChdbLink } from '../../src/stores/warehouse/chdb/chdb-engine.ts'
import { readMigrations } from '../../src/stores/warehouse/migrations.ts'
import { neverExpires } from '../../src/stores/warehouse/warehouse-row.ts'

const typed =
  '`$browser` LowCardinality(String), `$os` LowCardinality(String), `$pathname` String, plan LowCardinality(String)'
const json = `JSON(max_dynamic_paths = 128, ${typed})`

interface Variant {
  readonly columns: string
  /** The property `$browser` as text. */
  readonly browser: string
  /** Rows carry the properties as an object, not as its text. */
  readonly object?: boolean
}

const variants: Readonly<Record<string, Variant>> = {
  string: {
    columns: 'properties String CODEC(ZSTD(1))',
    browser: "JSONExtractString(properties, '$browser')",
  },
  'string-simple': {
    columns: 'properties String CODEC(ZSTD(1))',
    browser: "simpleJSONExtractString(properties, '$browser')",
  },
  'string-column': {
    columns: `properties String CODEC(ZSTD(1)),
      browser LowCardinality(String) MATERIALIZED JSONExtractString(properties, '$browser')`,
    browser: 'browser',
  },
  json: { columns: `properties ${json} CODEC(ZSTD(1))`, browser: 'properties.`$browser`', object: true },
  both: {
    columns: `properties String CODEC(ZSTD(1)), fields ${json} MATERIALIZED properties CODEC(ZSTD(1))`,
    browser: 'fields.`$browser`',
  },
}

const [rowsText = '10000000', ...chosen] = process.argv.slice(2)
const rowsWanted = Number(rowsText)
const blockRows = 10_000
const insertedRows = Math.min(300_000, rowsWanted)
const startMs = Date.UTC(2026, 2, 1)
const dayMs = 86_400_000
const questionRuns = 20

for (const name of chosen.length > 0 ? chosen : Object.keys(variants)) {
  const variant = variants[name]
  if (variant === undefined) throw new Error(`No variant ${name}; there are ${Object.keys(variants).join(', ')}.`)
  console.log(JSON.stringify(await measure(name, variant)))
}

async function measure(name: string, { columns, browser, object = false }: Variant): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-trial-'))
  const engine = await openChdbEngine({ folder, ...chdbEngineDefaults, memoryBytesMax: 4 * 1024 ** 3 })
  const link = engine.connect()
  await makeTable(link, columns)
  const insertCpuUs = await insertRows(link, object)
  await fill(link)
  await settled(link)
  const [parts] = await rowsOf(
    link,
    `SELECT count(), sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'`,
  )
  const from = (final: boolean) => `sluice.events ${final ? 'FINAL' : ''} WHERE team_id = 1 AND expires_at > now()`
  const perDay = (final: boolean) =>
    `SELECT toDate(timestamp) AS day, event, count() FROM ${from(final)} GROUP BY day, event ORDER BY day, event`
  const perDayAndBrowser = `SELECT toDate(timestamp) AS day, ${browser} AS b, count() FROM ${from(true)} GROUP BY day, b ORDER BY day, b`
  const filtered = `SELECT count() FROM ${from(true)} AND ${browser} = 'Firefox'`
  const week = `SELECT toDate(timestamp) AS day, ${browser} AS b, count() FROM ${from(true)} AND timestamp >= '2026-03-10' AND timestamp < '2026-03-17' AND event = '$pageview' GROUP BY day, b ORDER BY day, b`
  return {
    name,
    insertCpuUs,
    rows: Number(parts?.[1]),
    parts: Number(parts?.[0]),
    bytesPerRow: Math.round(Number(parts?.[2]) / Number(parts?.[1])),
    perDayByEventMs: await timed(link, perDay(true)),
    perDayByEventWithoutFinalMs: await timed(link, perDay(false)),
    perDayByEventAloneMs: await timed(link, perDay(true), 'SET do_not_merge_across_partitions_select_final = 1'),
    perDayByPropertyMs: await timed(link, perDayAndBrowser),
    filteredByPropertyMs: await timed(link, filtered),
    weekOfOneEventByPropertyMs: await timed(link, week),
    ...(await leave()),
  }

  async function leave(): Promise<object> {
    await link.close()
    await engine.close()
    await rm(folder, { recursive: true, force: true })
    return {}
  }
}

/** The table of the first migration with other columns for the properties. */
async function makeTable(link: ChdbLink, columns: string): Promise<void> {
  const [events] = await readMigrations()
  const definition = events?.statements[0] ?? ''
  const changed = definition.replace('properties String CODEC(ZSTD(1))', columns)
  await run(link, 'CREATE DATABASE sluice')
  await run(link, changed)
}

async function insertRows(link: ChdbLink, object: boolean): Promise<number> {
  const blocks = Array.from({ length: insertedRows / blockRows }, (_, at) => block(at, object))
  const before = process.cpuUsage()
  for (const [at, values] of blocks.entries()) {
    await link.rawInsert({
      table: 'sluice.events',
      format: 'JSONEachRow',
      values,
      settings: {
        insert_deduplication_token: `block-${String(at)}`,
        input_format_parallel_parsing: 0,
        max_threads: 1,
        max_insert_threads: 1,
        optimize_on_insert: 0,
      },
    })
  }
  await settled(link)
  const { user, system } = process.cpuUsage(before)
  return Number(((user + system) / insertedRows).toFixed(1))
}

/** Copies the first rows, a day later each time, with other ids, until there are enough. */
async function fill(link: ChdbLink): Promise<void> {
  const visible = `event, properties, timestamp + INTERVAL {day} DAY, team_id,
    concat(toString({day}), distinct_id), created_at, accepted_at + INTERVAL {day} DAY, expires_at, version,
    _incarnation, _partition, _offset + {day} * ${String(insertedRows)}, _index`
  const copies = Math.ceil(rowsWanted / insertedRows)
  for (let copy = 1; copy < copies; copy++) {
    const day = Math.floor((copy * 30) / copies)
    await run(
      link,
      `INSERT INTO sluice.events (uuid, event, properties, timestamp, team_id, distinct_id, created_at, accepted_at,
        expires_at, version, _incarnation, _partition, _offset, _index)
      SELECT generateUUIDv4(${String(copy)}), ${visible.replaceAll('{day}', String(day))}
      FROM sluice.events WHERE _offset < ${String(insertedRows)} AND timestamp < '2026-03-02' LIMIT ${String(insertedRows)}
      SETTINGS max_threads = 1, max_insert_threads = 1, optimize_on_insert = 0`,
    )
  }
}

async function settled(link: ChdbLink): Promise<void> {
  for (;;) {
    const [row] = await rowsOf(link, 'SELECT count() FROM system.merges')
    if (Number(row?.[0]) === 0) return
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

/** Median and 95th percentile in milliseconds of many runs after one that warms the caches. */
async function timed(link: ChdbLink, sql: string, before = 'SET max_threads = 2'): Promise<readonly [number, number]> {
  await run(link, before)
  await rowsOf(link, sql)
  const times: number[] = []
  for (let at = 0; at < questionRuns; at++) {
    const started = performance.now()
    await rowsOf(link, sql)
    times.push(performance.now() - started)
  }
  times.sort((a, b) => a - b)
  return [Math.round(times[questionRuns >> 1] ?? 0), Math.round(times[Math.ceil(questionRuns * 0.95) - 1] ?? 0)]
}

async function run(link: ChdbLink, query: string): Promise<void> {
  await link.client.command({ query })
}

async function rowsOf(link: ChdbLink, query: string): Promise<readonly (readonly unknown[])[]> {
  return await (await link.client.query({ query, format: 'JSONCompactEachRow' })).json<unknown[]>()
}

/** Events like those of a browser's SDK: about 0.85 KB of JSON each, some twenty properties. */
function block(number: number, object: boolean): Buffer {
  const random = seededRandom(number + 1)
  const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0]
  const hex = (length: number) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('')
  const lines: string[] = []
  for (let at = 0; at < blockRows; at++) {
    const offset = number * blockRows + at
    const nowMs = startMs + Math.floor((offset / insertedRows) * dayMs)
    const path = pick([
      '/pricing',
      '/docs/getting-started',
      '/blog/how-we-cut-costs',
      '/checkout',
      '/products/4711',
      '/',
    ])
    const properties = {
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
      $active_feature_flags: ['new-nav', 'checkout-v2'],
      plan: pick(['free', 'team', 'scale', 'enterprise']),
      cart_value: Math.round(random() * 50_000) / 100,
      items: Math.floor(random() * 12),
      is_returning: random() < 0.6,
    }
    const row = {
      uuid: `0190${hex(4)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`,
      event: pick([
        '$pageview',
        '$autocapture',
        '$pageleave',
        'order completed',
        'product viewed',
        'signup',
        '$identify',
      ]),
      properties: object ? properties : JSON.stringify(properties),
      timestamp: nowMs * 1000,
      team_id: 1,
      distinct_id: `user-${String(Math.floor(random() * 20_000))}@example.com`,
      created_at: nowMs,
      accepted_at: nowMs,
      expires_at: neverExpires,
      version: 1,
      _incarnation: 1,
      _partition: offset % 16,
      _offset: offset,
      _index: 0,
    }
    lines.push(JSON.stringify(row))
  }
  return Buffer.from(`${lines.join('\n')}\n`)
}
