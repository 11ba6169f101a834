/**
 * Holds what was copied against what it was copied from: records of source lanes, and rows of the tables with all their columns.
 *
 * Of rows with one key a table keeps the newest version alone, sooner or later. So where the sums differ, rows are looked at one by one:
 * one that is missing is replaced when its id is there under another place, and otherwise it is a difference.
 */
import { crc32 } from 'node:zlib'
import type { Flow } from '../../event/flows.ts'
import type { Lane, Offsets } from '../../event/position.ts'
import type { EventLog } from '../../stores/log/event-log.ts'
import type { EngineLink } from '../../stores/warehouse/engine-link.ts'
import { IdSet } from '../../stores/warehouse/id-set.ts'
import { embeddedLayout, tableName } from '../../stores/warehouse/layout.ts'
import type { Layout } from '../../stores/warehouse/layout.ts'
import { sqlName, sqlString } from '../../stores/warehouse/sql-text.ts'
import { countsOf } from './copy-lanes.ts'
import type { Retained } from './copy-lanes.ts'
import { columnsOf, movedExpression } from './copy-tables.ts'

const batchBytesMax = 4 * 1024 * 1024
/** More are not told, and not looked at one by one. */
const differencesMax = 100

interface Sum {
  readonly ids: IdSet
  count: number
  contents: number
}

/** What differs, in words; nothing when all is equal. */
export async function compareSources(
  old: EventLog,
  moved: EventLog,
  retained: Retained,
  lanes: readonly Lane[],
): Promise<readonly string[]> {
  const zeros = (lane: Lane): Offsets => countsOf(lane, retained).map(() => 0)
  const left = await sumsOf(
    old,
    lanes.map((lane) => ({ lane, from: (retained[lane] ?? []).map(({ begin }) => begin), to: endsOf(lane, retained) })),
    (lane, partition) => retained[lane]?.[partition]?.begin ?? 0,
  )
  const right = await sumsOf(
    moved,
    lanes.map((lane) => ({ lane, from: zeros(lane), to: countsOf(lane, retained) })),
    () => 0,
  )
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((key) => {
    const [a, b] = [left.get(key), right.get(key)]
    const isEqual = a?.count === b?.count && a?.ids.hash === b?.ids.hash && a?.contents === b?.contents
    return isEqual ? [] : [`${key}: ${String(a?.count ?? 0)} records against ${String(b?.count ?? 0)}`]
  })
}

function endsOf(lane: Lane, retained: Retained): Offsets {
  return (retained[lane] ?? []).map(({ end }) => end)
}

async function sumsOf(
  log: EventLog,
  wanted: readonly { readonly lane: Lane; readonly from: Offsets; readonly to: Offsets }[],
  beginOf: (lane: Lane, partition: number) => number,
): Promise<ReadonlyMap<string, Sum>> {
  const sums = new Map<string, Sum>()
  const { signal } = new AbortController()
  for await (const records of log.read(wanted, { signal, batchBytesMax })) {
    for (const { lane, position, timeMs, headers, value } of records) {
      const key = `${lane}, partition ${String(position.partition)}`
      const sum = sums.get(key) ?? { ids: new IdSet(), count: 0, contents: 0 }
      sums.set(key, sum)
      sum.count++
      sum.ids.add(headers['uuid'] ?? '', position.offset - beginOf(lane, position.partition), 0)
      const about = `${String(Math.trunc(timeMs))}\n${headers['token'] ?? ''}\n${headers['distinct_id'] ?? ''}`
      sum.contents = (sum.contents + crc32(value, crc32(about))) >>> 0
    }
  }
  return sums
}

interface RowsCompared {
  readonly flow: Flow
  readonly old: EngineLink
  readonly moved: EngineLink
  readonly layout: Layout
  readonly begins: Offsets
}

/** What differs, in words; nothing when all is equal. */
export async function compareRows(compared: RowsCompared): Promise<readonly string[]> {
  const { flow, old, moved, layout, begins } = compared
  const columns = await columnsOf(old, flow)
  // Rows that expire meanwhile are on neither side, or on one of them.
  const kept = `expires_at > fromUnixTimestamp(${String(Math.ceil(Date.now() / 1000) + 3600)})`
  const sums = (expressions: readonly string[], from: string): string =>
    `SELECT toUInt32(_partition), toString(count()), toString(sum(sipHash64(${expressions.join(', ')})))
    FROM ${from} AS old WHERE ${kept} GROUP BY _partition ORDER BY _partition SETTINGS max_threads = 1`
  const place = new Set(['_offset', '_incarnation'])
  const asMoved = columns.map((name) =>
    place.has(name) ? `toUInt64(${movedExpression(name, begins)})` : `old.${sqlName(name)}`,
  )
  const asIs = columns.map((name) => (place.has(name) ? `toUInt64(old.${name})` : `old.${sqlName(name)}`))
  const left = await old.rows(sums(asMoved, tableName(embeddedLayout, flow.table)))
  const right = await moved.rows(sums(asIs, tableName(layout, flow.table)))
  const byPartition = (rows: readonly (readonly unknown[])[]) =>
    new Map(rows.map(([partition, count, sum]) => [Number(partition), `${String(count)} rows (${String(sum)})`]))
  const [a, b] = [byPartition(left), byPartition(right)]
  const differences: string[] = []
  for (const partition of new Set([...a.keys(), ...b.keys()])) {
    if (a.get(partition) === b.get(partition)) continue
    const found = await differentRows(compared, partition, kept)
    if (found.length === 0) continue
    const counted = `${a.get(partition) ?? 'no rows'} against ${b.get(partition) ?? 'no rows'}`
    differences.push(`${flow.table}, source index ${String(partition)}: ${counted}; ${found.join(', ')}`)
  }
  return differences
}

/** Rows of one source index that only one side has, and whose ids the other has nowhere. */
async function differentRows(
  { flow, old, moved, layout, begins }: RowsCompared,
  partition: number,
  kept: string,
): Promise<readonly string[]> {
  const places = (offset: string, incarnation: string, from: string): string =>
    `SELECT concat(toString(uuid), ' ', toString(${incarnation}), ' ', toString(${offset}), ' ', toString(old._index))
    FROM ${from} AS old WHERE old._partition = ${String(partition)} AND ${kept}`
  const placesOf = async (link: EngineLink, sql: string): Promise<ReadonlySet<string>> =>
    new Set((await link.rows(sql)).map(([place]) => String(place)))
  const oldTable = tableName(embeddedLayout, flow.table)
  const movedTable = tableName(layout, flow.table)
  const left = await placesOf(
    old,
    places(movedExpression('_offset', begins), movedExpression('_incarnation', begins), oldTable),
  )
  const right = await placesOf(moved, places('old._offset', 'old._incarnation', movedTable))
  const onlyLeft = [...left].filter((one) => !right.has(one))
  const onlyRight = [...right].filter((one) => !left.has(one))
  // The same places and other contents.
  if (onlyLeft.length + onlyRight.length === 0) return ['rows of the same places differ in their contents']
  return [
    ...(await withoutReplaced(moved, movedTable, onlyLeft)).map((one) => `missing ${one}`),
    ...(await withoutReplaced(old, oldTable, onlyRight)).map((one) => `surplus ${one}`),
  ].slice(0, differencesMax)
}

async function withoutReplaced(link: EngineLink, table: string, places: readonly string[]): Promise<readonly string[]> {
  const uuidOf = (place: string): string => place.slice(0, 36)
  const left: string[] = []
  for (let at = 0; at < places.length && left.length < differencesMax; at += 1000) {
    const some = places.slice(at, at + 1000)
    const rows = await link.rows(
      `SELECT DISTINCT toString(uuid) FROM ${table} WHERE uuid IN (${some.map((one) => sqlString(uuidOf(one))).join()})`,
    )
    const there = new Set(rows.map(([uuid]) => String(uuid)))
    left.push(...some.filter((one) => !there.has(uuidOf(one))))
  }
  return left
}
