/**
 * What the parts of the hot path that do no I/O cost: `node bench/trials/json-scan.ts` prints CPU microseconds an event
 * (user and system, all threads), median of five rounds, for a batch of 50 events of about 0.85 KB and for one alone.
 * JSON.parse of the same bytes stands beside the scanner as what it is measured against.
 */
import { gunzip, gzipSync } from 'node:zlib'
import { partitionOf } from '../../src/event/murmur2.ts'
import { parseUuid, uuidV7 } from '../../src/event/uuid.ts'
import { seededRandom } from '../../src/kit/seeded-random.ts'
import { createBodyDecoder } from '../../src/stages/capture/decode/body.ts'
import { createInflationThread } from '../../src/stages/capture/decode/inflation-thread.ts'
import { createJsonScanner } from '../../src/stages/capture/decode/json-scan.ts'
import { createEventReader } from '../../src/stages/capture/posthog-events.ts'
import { normaliseEvent } from '../../src/stages/ingestion/steps/normalise.ts'
import { parseEvent } from '../../src/stages/ingestion/steps/parse-event.ts'
import { eventTime } from '../../src/event/event-time.ts'

const batchSize = 50
const roundMs = 400
const nowMs = Date.UTC(2026, 10, 21, 12)

const random = seededRandom(1)
const pick = <T>(list: readonly [T, ...T[]]): T => list[Math.floor(random() * list.length)] ?? list[0]
const hex = (count: number): string =>
  Array.from({ length: count }, () => Math.floor(random() * 16).toString(16)).join('')

/** What a browser SDK sends: 20 and more properties. */
function browserEvent(): Record<string, unknown> {
  const path = pick(['/pricing', '/docs/getting-started', '/blog/how-we-cut-costs', '/products/4711', '/'])
  const [width, height] = pick<readonly [number, number]>([
    [1920, 1080],
    [1440, 900],
    [390, 844],
  ])
  return {
    uuid: uuidV7(nowMs),
    event: pick(['$pageview', '$autocapture', '$pageleave', 'order completed', 'product viewed']),
    distinct_id: `user-${String(Math.floor(random() * 20_000))}@example.com`,
    timestamp: new Date(nowMs - random() * 5000).toISOString(),
    properties: {
      $os: pick(['Windows', 'Mac OS X', 'iOS']),
      $browser: pick(['Chrome', 'Mobile Safari', 'Firefox']),
      $browser_version: 126,
      $device_type: pick(['Desktop', 'Mobile']),
      $current_url: `https://shop.example.com${path}?utm_campaign=spring`,
      $host: 'shop.example.com',
      $pathname: path,
      $screen_width: width,
      $screen_height: height,
      $viewport_width: width - 17,
      $viewport_height: height - 131,
      $lib: 'web',
      $lib_version: '1.275.1',
      $insert_id: hex(16),
      $time: nowMs / 1000,
      $device_id: `0190${hex(4)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(12)}`,
      $session_id: `0190${hex(4)}-${hex(4)}-7${hex(3)}-9${hex(3)}-${hex(12)}`,
      $referrer: pick(['https://www.google.com/', '$direct', 'https://news.ycombinator.com/item?id=40123456']),
      $active_feature_flags: ['new-nav', 'checkout-v2'],
      plan: pick(['free', 'team', 'scale', 'enterprise']),
      cart_value: Math.round(random() * 50_000) / 100,
      items: Math.floor(random() * 12),
      is_returning: random() < 0.6,
    },
  }
}

async function median(run: () => unknown): Promise<number> {
  const rounds: number[] = []
  for (let round = 0; round < 6; round++) {
    const began = process.cpuUsage()
    const startedMs = performance.now()
    let count = 0
    for (; performance.now() - startedMs < roundMs; count++) {
      const result = run()
      if (result instanceof Promise) await result
    }
    const { user, system } = process.cpuUsage(began)
    rounds.push((user + system) / count)
  }
  // The first round warms up.
  return rounds.slice(1).sort((a, b) => a - b)[2] ?? 0
}

async function report(name: string, events: number, run: () => unknown): Promise<void> {
  const us = (await median(run)) / events
  console.log(`${name.padEnd(58)} ${us.toFixed(3).padStart(8)} us an event`)
}

const events = Array.from({ length: batchSize }, browserEvent)
const batch = Buffer.from(
  JSON.stringify({ api_key: 'phc_bench', sent_at: new Date(nowMs).toISOString(), batch: events }),
)
const single = Buffer.from(JSON.stringify({ ...events[0], api_key: 'phc_bench' }))
const gzipped = gzipSync(batch)
const gzippedSingle = gzipSync(single)
const one = Buffer.from(JSON.stringify(events[0]))
console.log(
  `${String(Math.round(batch.length / batchSize))} bytes an event; the batch ${String(batch.length)}, gzipped ${String(gzipped.length)}`,
)

const scan = createJsonScanner({ depthMax: 128, keysMax: 5_000_000, eventsMax: 100_000 })
const read = createEventReader({
  depthMax: 128,
  eventBytesMax: 2_000_000,
  eventKeysMax: 10_000,
  eventNameCharactersMax: 200,
})
const decode = createBodyDecoder({ inflatedBytesMax: 100 * 1024 * 1024 }, createInflationThread())
const facts = { isEngage: false, headerToken: undefined }
const hints = { contentEncoding: undefined, compression: undefined }
const client = '127.0.0.1'
const uuid = String(events[0]?.['uuid'])
const door = { distinctId: 'user-1@example.com', ip: '203.0.113.7', sentAtMs: nowMs, hasHeatmapApart: false }

await report('batch: JSON.parse (the comparison)', batchSize, () => JSON.parse(batch.toString()) as unknown)
await report('batch: scan', batchSize, () => scan(batch))
await report('batch: scan and read events', batchSize, () => read(batch, facts))
await report('batch: decode plain (UTF-8 check)', batchSize, () => decode(batch, hints, client))
await report('batch: decode gzip', batchSize, () => decode(gzipped, hints, client))
await report(
  'batch: gunzip in the thread pool (the comparison)',
  batchSize,
  () => new Promise((done) => gunzip(gzipped, done)),
)
await report('single: JSON.parse (the comparison)', 1, () => JSON.parse(single.toString()) as unknown)
await report('single: scan and read', 1, () => read(single, facts))
await report('single: decode gzip', 1, () => decode(gzippedSingle, hints, client))
await report('uuid: parse', 1, () => parseUuid(uuid))
await report('uuid: make one of version 7', 1, () => uuidV7(nowMs))
await report('partition of a key of 30 characters', 1, () => partitionOf('phc_bench:user-1234@example.com', 16))
await report('ingestion: parse', 1, () => parseEvent(one))
await report('ingestion: parse, normalise, time', 1, () => {
  const parsed = parseEvent(one)
  if (parsed.kind !== 'keep') throw new Error('The event does not parse.')
  const { properties } = normaliseEvent(parsed.value, door)
  const { timestamp, offset } = parsed.value
  const ignoreSentAt = properties['$ignore_sent_at'] === true
  return eventTime({ timestamp, offset, ignoreSentAt, sentAtMs: nowMs, nowMs })
})
