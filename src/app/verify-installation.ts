/**
 * Proves, while everything runs, that each acknowledged event is in the table once. Compares the intake's journal with what
 * ingestion decided and with the rows of the table, over everything that is retained and that the warehouse writer has
 * passed; what is compared is pinned meanwhile.
 */
import { createInterface } from 'node:readline'
import type { Config } from './config.ts'
import { answerOfRole, askRole, streamFromRole } from './ask-role.ts'
import { canaryToken } from './canary-token.ts'
import { journals, openLog } from './profiles/embedded.ts'
import type { RoleStatus } from './role-status.ts'
import { derivedBatchHead, derivedBatchLines } from '../event/derived-batch.ts'
import type { Lane, Offsets } from '../event/position.ts'
import { Failure } from '../kit/failure.ts'
import { nodeFiles } from '../kit/node-files.ts'
import { silent } from '../kit/telemetry/telemetry.ts'
import { compare } from '../stages/proof/compare.ts'
import type { AcceptedEvent, Exceptions } from '../stages/proof/compare.ts'
import type { EventLog } from '../stores/log/event-log.ts'
import { removeReaderFile, saveReaderFile } from '../stores/log/segments/reader-files.ts'
import type { WarehouseRow } from '../stores/warehouse/warehouse-row.ts'
import type { PresentRow } from '../stores/warehouse/warehouse.ts'

export interface Verdict {
  readonly equal: boolean
  /** Events of the intake's lane in the range, `canaries` of them the health check's own. */
  readonly accepted: number
  readonly canaries: number
  readonly rows: number
  /** Accepted events without a row, for a reason. */
  readonly dropped: number
  readonly deadLetter: number
  readonly damaged: number
  readonly replaced: number
  readonly expired: number
  readonly erased: number
  /** Each list holds at most `idsMax` entries; the counts are whole. */
  readonly lost: Found
  readonly doubled: Found
  readonly invented: Found
}

interface Found {
  readonly count: number
  readonly ids: readonly string[]
}

interface Missing extends AcceptedEvent {
  readonly partition: number
}

const idsMax = 1000
const windowRecords = 20_000
const readBytesMax = 4 * 1024 * 1024
const pinMs = 600_000
const positionsTimeoutMs = 60_000
const pinName = `verify-${String(process.pid)}`

/** The working directory must be the data folder. Rejects with SLUICE_NOT_RUNNING when nothing runs on it. */
export async function verifyInstallation(config: Config): Promise<Verdict> {
  const log = openLog(config, silent)
  const to = await insertedTo()
  const begin = (await log.bounds('events_plugin_ingestion')).map((bound) => bound.begin)
  const pinned: readonly Lane[] = ['events_plugin_ingestion', 'clickhouse_events']
  const derivedBegin = (await log.bounds('clickhouse_events')).map((bound) => bound.begin)
  const pin = async (): Promise<void> => {
    const expiresAtMs = Date.now() + pinMs
    await saveReaderFile(nodeFiles, journals.edge, pinName, 'events_plugin_ingestion', { offsets: begin, expiresAtMs })
    await saveReaderFile(nodeFiles, journals.core, pinName, 'clickhouse_events', { offsets: derivedBegin, expiresAtMs })
  }
  await pin()
  const renewing = setInterval(() => void pin(), pinMs / 3)
  try {
    return await compareAll(log, begin, derivedBegin, to)
  } finally {
    clearInterval(renewing)
    for (const lane of pinned) {
      await removeReaderFile(nodeFiles, lane === 'clickhouse_events' ? journals.core : journals.edge, pinName, lane)
    }
  }
}

/** How far the warehouse writer says that it is, in source offsets. */
async function insertedTo(): Promise<Offsets> {
  const status = await answerOfRole<RoleStatus>('core', { path: '/internal/status' })
  const lane = status?.lanes?.find((one) => one.lane === 'events_plugin_ingestion')
  if (lane === undefined) {
    throw new Failure(
      'SLUICE_NOT_RUNNING',
      'Nothing answers on this data folder. Start Sluice first: the table can only be asked while it runs.',
    )
  }
  return lane.partitions.map(({ readers }) => readers.find(({ name }) => name === 'warehouse')?.offset ?? 0)
}

async function compareAll(log: EventLog, sourceBegin: Offsets, derivedBegin: Offsets, to: Offsets): Promise<Verdict> {
  const decided = await readDecisions(log, derivedBegin, to)
  // Where the batches of a source record are gone, nothing can be said about it any more.
  const from = sourceBegin.map((begin, partition) => Math.max(begin, decided.from[partition] ?? 0))
  const total = { accepted: 0, rows: 0, dropped: 0, dead_letter: 0 }
  const doubled = new Finds()
  const invented = new Finds()
  const missing: Missing[] = []

  const check = async (
    partition: number,
    events: readonly AcceptedEvent[],
    times: TimeRange,
    fromOffset: number,
    toOffset: number,
  ): Promise<void> => {
    const rows = await rowsOf(partition, fromOffset, toOffset, times)
    const result = compare(events, decided.exceptions[partition] ?? new Map(), rows)
    total.accepted += result.accepted
    total.rows += result.rows
    total.dropped += result.excepted['dropped'] ?? 0
    total.dead_letter += result.excepted['dead_letter'] ?? 0
    for (const row of result.doubled) doubled.add(idOf(partition, row))
    for (const row of result.invented) invented.add(idOf(partition, row))
    for (const event of result.missing) missing.push({ ...event, partition })
  }
  const windows = await eachWindow(log, from, to, check)

  const { expired, left } = await withoutExpired(log, derivedBegin, missing)
  const { replaced, lost } = await withoutReplaced(left)
  const found = new Finds()
  for (const event of lost) found.add(idOf(event.partition, event))
  // A damaged record was acknowledged and cannot be read back: it is lost as well.
  const equal = found.count + doubled.count + invented.count + windows.damaged === 0
  return {
    equal,
    accepted: total.accepted,
    canaries: windows.canaries,
    rows: total.rows,
    dropped: total.dropped - decided.erased,
    deadLetter: total.dead_letter,
    damaged: windows.damaged,
    replaced,
    expired,
    erased: decided.erased,
    lost: found.found(),
    doubled: doubled.found(),
    invented: invented.found(),
  }
}

interface Decisions {
  /** First source offset whose decision is still in the log. */
  readonly from: Offsets
  readonly exceptions: readonly Exceptions[]
  readonly erased: number
}

/** What ingestion set aside, up to the given source offsets. Only exceptions are kept in memory. */
async function readDecisions(log: EventLog, derivedBegin: Offsets, to: Offsets): Promise<Decisions> {
  const from: number[] = []
  const decidedTo: number[] = []
  const exceptions = to.map(() => new Map<number, 'dropped' | 'dead_letter' | 'damaged'>())
  let erased = 0
  for await (const { value } of recordsUntil(log, 'clickhouse_events', derivedBegin, () =>
    to.every((end, partition) => (decidedTo[partition] ?? 0) >= end),
  )) {
    const head = derivedBatchHead(value)
    from[head.partition] ??= head.from
    decidedTo[head.partition] = head.to
    for (const { offset, kind, reason } of head.exceptions) {
      if (offset >= (to[head.partition] ?? 0)) continue
      exceptions[head.partition]?.set(offset, kind)
      if (reason === 'erased') erased++
    }
  }
  return { from: to.map((_, partition) => from[partition] ?? 0), exceptions, erased }
}

interface TimeRange {
  readonly fromMs: number
  readonly toMs: number
}

type Check = (
  partition: number,
  events: readonly AcceptedEvent[],
  times: TimeRange,
  fromOffset: number,
  toOffset: number,
) => Promise<void>

/** Hands over the accepted events window by window of a partition; resolves with how many offsets could not be read, and how many were canaries. */
async function eachWindow(
  log: EventLog,
  from: Offsets,
  to: Offsets,
  check: Check,
): Promise<{ readonly damaged: number; readonly canaries: number }> {
  const canary = await canaryToken()
  let canaries = 0
  const windows = from.map((offset): { events: AcceptedEvent[]; fromOffset: number; fromMs: number; toMs: number } => ({
    events: [],
    fromOffset: offset,
    fromMs: Infinity,
    toMs: 0,
  }))
  let damaged = 0
  const next = [...from]
  const flush = async (partition: number, toOffset: number): Promise<void> => {
    const window = windows[partition]
    if (window === undefined || window.events.length === 0) return
    const { events, fromOffset, fromMs, toMs } = window
    windows[partition] = { events: [], fromOffset: toOffset, fromMs: Infinity, toMs: 0 }
    await check(partition, events, { fromMs, toMs }, fromOffset, toOffset)
  }
  const isDone = (): boolean => to.every((end, partition) => (next[partition] ?? 0) >= end)
  for await (const { position, timeMs, headers } of recordsUntil(log, 'events_plugin_ingestion', from, isDone)) {
    const { partition, offset, incarnation } = position
    const window = windows[partition]
    if (window === undefined || offset >= (to[partition] ?? 0)) {
      next[partition] = Math.max(next[partition] ?? 0, offset)
      continue
    }
    damaged += offset - (next[partition] ?? 0)
    next[partition] = offset + 1
    if (headers['token'] === canary) canaries++
    window.events.push({ offset, incarnation, uuid: headers['uuid'] ?? '' })
    window.fromMs = Math.min(window.fromMs, timeMs)
    window.toMs = Math.max(window.toMs, timeMs)
    if (window.events.length >= windowRecords) await flush(partition, offset + 1)
  }
  for (const [partition, end] of to.entries()) await flush(partition, end)
  return { damaged, canaries }
}

/** The lane's records until `isDone` says so; what is waited for must be in the lane already. */
async function* recordsUntil(log: EventLog, lane: Lane, from: Offsets, isDone: () => boolean) {
  if (isDone()) return
  const stop = new AbortController()
  for await (const records of log.read(lane, { from, signal: stop.signal, batchBytesMax: readBytesMax })) {
    yield* records
    if (isDone()) stop.abort()
  }
}

/** Events whose project keeps them no longer; their derived rows say until when. */
async function withoutExpired(log: EventLog, derivedBegin: Offsets, missing: readonly Missing[]) {
  if (missing.length === 0) return { expired: 0, left: missing }
  const open = new Map(missing.map((event) => [`${String(event.partition)}:${String(event.offset)}`, event]))
  const last = derivedBegin.map((_, partition) =>
    Math.max(-1, ...missing.filter((one) => one.partition === partition).map(({ offset }) => offset)),
  )
  const decidedTo: number[] = []
  let expired = 0
  const nowSeconds = Date.now() / 1000
  for await (const { value } of recordsUntil(log, 'clickhouse_events', derivedBegin, () =>
    last.every((offset, partition) => (decidedTo[partition] ?? 0) > offset),
  )) {
    const { partition, to } = derivedBatchHead(value)
    decidedTo[partition] = to
    for (const line of derivedBatchLines(value)) {
      // Written by ingestion.
      const row = JSON.parse(line) as WarehouseRow
      const id = `${String(row._partition)}:${String(row._offset)}`
      if (row.expires_at <= nowSeconds && open.delete(id)) expired++
    }
  }
  return { expired, left: [...open.values()] }
}

/** Events whose uuid stands in the table under a later position: the table keeps one of two equal ones. */
async function withoutReplaced(missing: readonly Missing[]) {
  const lost: Missing[] = []
  let replaced = 0
  for (let at = 0; at < missing.length; at += 1000) {
    const some = missing.slice(at, at + 1000)
    const positions = await askRole<[number, string, string][]>('core', {
      path: '/internal/positions',
      body: some.map(({ uuid }) => uuid),
      // The table looks at every row for them.
      timeoutMs: positionsTimeoutMs,
    })
    const elsewhere = new Set(positions.map(([, , uuid]) => uuid))
    for (const event of some) {
      if (elsewhere.has(event.uuid)) replaced++
      else lost.push(event)
    }
  }
  return { replaced, lost }
}

async function rowsOf(partition: number, from: number, to: number, { fromMs, toMs }: TimeRange): Promise<PresentRow[]> {
  const query = new URLSearchParams({
    partition: String(partition),
    from: String(from),
    to: String(to),
    accepted_from_ms: String(Math.floor(fromMs)),
    accepted_to_ms: String(Math.ceil(toMs)),
  })
  const rows: PresentRow[] = []
  for await (const line of linesOf(`/internal/rows?${query.toString()}`)) {
    // Written by this program's other process.
    for (const [incarnation, offset, index, uuid] of JSON.parse(line) as [number, number, number, string][]) {
      rows.push({ incarnation, offset, index, uuid })
    }
  }
  return rows
}

async function* linesOf(path: string): AsyncIterable<string> {
  const response = await streamFromRole('core', { path })
  for await (const line of createInterface({ input: response })) if (line !== '') yield line
}

class Finds {
  readonly #ids: string[] = []
  count = 0

  add(id: string): void {
    this.count++
    if (this.#ids.length < idsMax) this.#ids.push(id)
  }

  found(): Found {
    return { count: this.count, ids: this.#ids }
  }
}

function idOf(partition: number, { uuid, offset }: { readonly uuid: string; readonly offset: number }): string {
  return `${uuid} at ${String(partition)}@${String(offset)}`
}
