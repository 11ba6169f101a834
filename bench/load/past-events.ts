/**
 * `node past-events.ts OPTIONS` (JSON, PastEvents) puts rows of 30 days into the warehouse of a data folder before Sluice is
 * started on it, through the warehouse's port but not through the log, which would take five times as long.
 *
 * The rows say that they come from a partition which no lane has, so that `verify` and recovery, which ask by
 * partition, never see them; and that they were accepted before the start, so that the proof can leave them out.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { monthOf } from '../../src/event/derived-batch.ts'
import { seededRandom } from '../../src/kit/seeded-random.ts'
import { chdbEngineDefaults } from '../../src/stores/warehouse/chdb/chdb-engine.config.ts'
import { openChdbEngine } from '../../src/stores/warehouse/chdb/chdb-engine.ts'
import { openChdbWarehouse } from '../../src/stores/warehouse/chdb/chdb-warehouse.ts'
import { neverExpires } from '../../src/stores/warehouse/warehouse-row.ts'

export interface PastEvents {
  /** Of the warehouse. */
  readonly folder: string
  readonly rows: number
  readonly projectId: number
  /** Beginning of the first of the 30 days. */
  readonly fromMs: number
  /**
   * What the blocks are like: of `live` traffic they follow each other in time, and of a hundred rows one is late by up to
   * three days; of an `import` each has all days.
   */
  readonly state: 'live' | 'import'
}

export const pastDays = 30
export const pastEventNames = [
  '$pageview',
  '$autocapture',
  'product viewed',
  '$pageleave',
  'search performed',
  'product added',
  'checkout started',
  'order completed',
  ...Array.from({ length: 12 }, (_, at) => `custom event ${String(at + 1)}`),
]
const dayMs = 86_400_000
const foreignPartition = 65_535
const blockRowsMax = 20_000
const usersMax = 200_000
const lateShare = 0.01
const lateMsMax = 3 * dayMs

const browsers = ['Chrome', 'Safari', 'Mobile Safari', 'Firefox', 'Microsoft Edge', 'Samsung Internet']
const systems = ['Windows', 'Mac OS X', 'iOS', 'Android', 'Linux']
const domains = ['$direct', 'www.google.com', 'duckduckgo.com', 'github.com', 'news.ycombinator.com']
const plans = ['free', 'team', 'business']

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '') as PastEvents)

async function main(options: PastEvents): Promise<void> {
  const engine = await openChdbEngine({ ...chdbEngineDefaults, folder: options.folder })
  const warehouse = await openChdbWarehouse(engine)
  const link = engine.connect()
  const blocks = pastDays * Math.ceil(options.rows / pastDays / blockRowsMax)
  const blockRows = Math.floor(options.rows / blocks)
  const make = blockMaker(options, blocks, blockRows)
  let inserting = Promise.resolve()
  for (let block = 0; block < blocks; block++) {
    const { month, rows } = make(block)
    await inserting
    inserting = warehouse.insert({
      token: `past-${String(block)}`,
      month,
      rows: [rows],
      rowCount: blockRows,
      ranges: [],
    })
  }
  await inserting
  // The engine merges as it likes; what it and maintenance would have done in a month they do now.
  for (let quiet = 0; quiet < 5; quiet++) {
    await sleep(500)
    const result = await link.client.query({ query: 'SELECT count() AS n FROM system.merges', format: 'JSONEachRow' })
    const [row] = await result.json<{ readonly n: string }>()
    if (Number(row?.n) > 0) quiet = -1
  }
  if (options.state === 'live') while ((await warehouse.maintain()).kind === 'merged');
  const { rows, parts, bytesOnDisk } = await warehouse.size()
  await link.close()
  await warehouse.close()
  await engine.close()
  process.stdout.write(JSON.stringify({ rows, parts, bytesOnDisk }))
}

function blockMaker({ state, projectId, fromMs }: PastEvents, blocks: number, blockRows: number) {
  const random = seededRandom(1)
  const below = (end: number) => Math.floor(random() * end)
  const of = (list: readonly string[], at: number) => list[at % list.length] ?? ''
  const hex = (digits: number) =>
    below(16 ** digits)
      .toString(16)
      .padStart(digits, '0')
  const stepMs = (pastDays * dayMs) / (blocks * blockRows)
  const importedMs = fromMs + pastDays * dayMs - 1

  return function make(block: number) {
    const lines: string[] = []
    for (let at = 0; at < blockRows; at++) {
      const place = state === 'live' ? block * blockRows + at : at * blocks + block
      const seenMs = Math.floor(fromMs + place * stepMs)
      const isLate = state === 'live' && random() < lateShare
      const happenedMs = isLate ? Math.max(fromMs, seenMs - below(lateMsMax)) : seenMs
      const acceptedMs = state === 'live' ? seenMs : importedMs
      const user = below(usersMax)
      const path = `/products/${String(Math.floor(2000 * random() ** 2))}`
      const time = happenedMs.toString(16).padStart(12, '0')
      const properties = `{"$os":"${of(systems, user)}","$browser":"${of(browsers, user >> 3)}","$browser_version":${String(120 + (user % 25))},"$device_type":"${user % 3 === 0 ? 'Mobile' : 'Desktop'}","$current_url":"https://shop.example.org${path}?utm_source=newsletter","$host":"shop.example.org","$pathname":"${path}","$screen_width":1920,"$screen_height":1080,"$viewport_width":1904,"$viewport_height":960,"$lib":"web","$lib_version":"1.290.0","$insert_id":"${hex(8)}${hex(8)}","$time":${String(happenedMs / 1000)},"$device_id":"0198${hex(8)}-7${hex(3)}-a${hex(11)}","$session_id":"0198${hex(8)}-7${hex(3)}-b${hex(11)}","$window_id":"0198${hex(8)}-7${hex(3)}-9${hex(11)}","$referrer":"https://${of(domains, user >> 5)}/","$referring_domain":"${of(domains, user >> 5)}","$active_feature_flags":["new-basket","short-form"],"plan":"${of(plans, user >> 7)}","basket_value":${String(below(50_000) / 100)},"basket_items":${String(below(12))},"is_returning":${String(user % 2 === 0)}}`
      lines.push(
        `{"uuid":"${time.slice(0, 8)}-${time.slice(8)}-7${hex(3)}-8${hex(3)}-${hex(12)}","event":"${of(pastEventNames, Math.floor(pastEventNames.length * random() ** 3))}","properties":${JSON.stringify(properties)},"timestamp":${String(happenedMs * 1000)},"team_id":${String(projectId)},"distinct_id":"visitor-${String(user)}@example.org","created_at":${String(acceptedMs)},"accepted_at":${String(acceptedMs)},"expires_at":${String(neverExpires)},"version":${String(acceptedMs)},"_incarnation":1,"_partition":${String(foreignPartition)},"_offset":${String(place)},"_index":0}\n`,
      )
    }
    const firstMs = state === 'live' ? fromMs + block * blockRows * stepMs : importedMs
    return { month: monthOf(firstMs), rows: Buffer.from(lines.join('')) }
  }
}
