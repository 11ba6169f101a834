/**
 * Proves, while everything runs, that each acknowledged event is in the table once. Compares the intake's journal with what
 * ingestion decided and with the rows of the table, over everything that is retained and that the warehouse writer has
 * passed; what is compared is pinned meanwhile.
 */
import { createInterface } from 'node:readline'
import type { Config } from './config.ts'
import { answerOfRole, askRole, streamFromRole } from './ask-role.ts'
import { canaryToken } from './canary-token.ts'
import { profileOf } from './profiles/profile-of.ts'
import type { PinnableLog } from './profiles/profile.ts'
import type { LaneStatus, RoleStatus } from './role-status.ts'
import { derivedBatchHead, derivedBatchLines } from '../event/derived-batch.ts'
import { allFlows, ofLane, sourceAt, sourceIndex } from '../event/flows.ts'
import type { Flow } from '../event/flows.ts'
import type { Lane, Offsets } from '../event/position.ts'
import { Failure } from '../kit/failure.ts'
import { silent } from '../kit/telemetry/telemetry.ts'
import { compare } from '../stages/proof/compare.ts'
import type { AcceptedEvent, Exceptions } from '../stages/proof/compare.ts'
import type { EventLog, WantedLane } from '../stores/log/event-log.ts'
import type { PlacedRow } from '../stores/warehouse/warehouse-row.ts'
import type { PresentRow } from '../stores/warehouse/warehouse.ts'

export interface Verdict {
  readonly equal: boolean
  /** Records of all source lanes in the range, `canaries` of them the health check's own. */
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
  const status = await answerOfRole<RoleStatus>('core', { path: '/internal/status' })
  if (status?.lanes === undefined) {
    throw new Failure(
      'SLUICE_NOT_RUNNING',
      'Nothing answers on this data folder. Start Sluice first: the table can only be asked while it runs.',
    )
  }
  const pinnable = await (await profileOf(config)).openLog(config, silent)
  try {
    const verdicts: Verdict[] = []
    for (const flow of allFlows) verdicts.push(await verifyFlow(flow, pinnable, insertedTo(flow, status.lanes)))
    return together(verdicts)
  } finally {
    await pinnable.close()
  }
}

/** How far the warehouse writer says that it is, in source offsets. */
function insertedTo(flow: Flow, lanes: readonly LaneStatus[]): Offsets {
  return flow.sources.flatMap((name) => {
    const partitions = lanes.find(({ lane }) => lane === name)?.partitions ?? []
    return partitions.map(({ readers }) => readers.find((reader) => reader.name === 'warehouse')?.offset ?? 0)
  })
}

async function verifyFlow(flow: Flow, pinnable: PinnableLog, to: Offsets): Promise<Verdict> {
  const { log } = pinnable
  const begins = new Map<Lane, Offsets>()
  for (const lane of flow.sources)
    begins.set(
      lane,
      (await log.bounds(lane)).map(({ begin }) => begin),
    )
  const derived = { from: (await log.bounds(flow.derived)).map(({ begin }) => begin), to: await whereItEnds(log, flow) }
  begins.set(flow.derived, derived.from)
  const pin = async (): Promise<void> => {
    const expiresAtMs = Date.now() + pinMs
    for (const [lane, offsets] of begins) {
      await pinnable.pin(pinName, lane, offsets, expiresAtMs)
    }
  }
  await pin()
  let renewed = Promise.resolve()
  const renewing = setInterval(() => {
    renewed = pin()
  }, pinMs / 3)
  try {
    const sourceBegin = flow.sources.flatMap((lane) => begins.get(lane) ?? [])
    return await compareAll({ flow, log, derived }, sourceBegin, to)
  } finally {
    clearInterval(renewing)
    await renewed
    for (const lane of begins.keys()) await pinnable.unpin(pinName, lane)
  }
}

function together(verdicts: readonly Verdict[]): Verdict {
  const sum = (pick: (one: Verdict) => number): number => verdicts.reduce((total, one) => total + pick(one), 0)
  const all = (pick: (one: Verdict) => Found): Found => ({
    count: sum((one) => pick(one).count),
    ids: verdicts.flatMap((one) => pick(one).ids).slice(0, idsMax),
  })
  return {
    equal: verdicts.every(({ equal }) => equal),
    accepted: sum(({ accepted }) => accepted),
    canaries: sum(({ canaries }) => canaries),
    rows: sum(({ rows }) => rows),
    dropped: sum(({ dropped }) => dropped),
    deadLetter: sum(({ deadLetter }) => deadLetter),
    damaged: sum(({ damaged }) => damaged),
    replaced: sum(({ replaced }) => replaced),
    expired: sum(({ expired }) => expired),
    erased: sum(({ erased }) => erased),
    lost: all(({ lost }) => lost),
    doubled: all(({ doubled }) => doubled),
    invented: all(({ invented }) => invented),
  }
}

/** What is compared: partitions are source indexes throughout. */
interface Compared {
  readonly flow: Flow
  readonly log: EventLog
  /** What there is of derived batches. */
  readonly derived: { readonly from: Offsets; readonly to: Offsets }
}

/** Behind every batch of what the warehouse writer has passed, and be it of this moment. */
const whereItEnds = (log: EventLog, { derived }: Flow): Promise<Offsets> => log.offsetsAt(derived, Infinity)

async function compareAll(compared: Compared, sourceBegin: Offsets, to: Offsets): Promise<Verdict> {
  const { flow, log } = compared
  const decided = await readDecisions(compared, to)
  // Where the batches of a source record are gone, nothing can be said about it any more.
  const from = sourceBegin.map((begin, partition) => Math.max(begin, decided.from[partition] ?? 0))
  const total = { accepted: 0, rows: 0, dropped: 0, dead_letter: 0 }
  const idOf = (partition: number, { uuid, offset }: { readonly uuid: string; readonly offset: number }): string => {
    const source = sourceAt(flow, partition, log.partitionCount)
    return `${uuid} at ${source.lane} ${String(source.partition)}@${String(offset)}`
  }
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
    const rows = await rowsOf(flow, partition, fromOffset, toOffset, times)
    const result = compare(events, decided.exceptions[partition] ?? new Map(), rows)
    total.accepted += result.accepted
    total.rows += result.rows
    total.dropped += result.excepted['dropped'] ?? 0
    total.dead_letter += result.excepted['dead_letter'] ?? 0
    for (const row of result.doubled) doubled.add(idOf(partition, row))
    for (const row of result.invented) invented.add(idOf(partition, row))
    for (const event of result.missing) missing.push({ ...event, partition })
  }
  const windows = await eachWindow(compared, from, to, check)

  const { expired, left } = await withoutExpired(compared, missing)
  const { replaced, lost } = await withoutReplaced(flow, left)
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
async function readDecisions({ flow, log, derived }: Compared, to: Offsets): Promise<Decisions> {
  const from: number[] = []
  const exceptions = to.map(() => new Map<number, 'dropped' | 'dead_letter' | 'damaged'>())
  let erased = 0
  for await (const { value } of recordsOf(log, [{ lane: flow.derived, ...derived }])) {
    const head = derivedBatchHead(value)
    from[head.partition] ??= head.from
    for (const { offset, kind, reason } of head.exceptions) {
      if (offset >= (to[head.partition] ?? 0)) continue
      exceptions[head.partition]?.set(offset, kind)
      if (reason === 'erased') erased++
    }
  }
  // Of a lane that is used rarely all batches may be gone already.
  return { from: to.map((end, partition) => from[partition] ?? end), exceptions, erased }
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
  { flow, log }: Compared,
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
  const wanted = await Promise.all(
    flow.sources.map(async (lane) => {
      const ends = ofLane(flow, lane, to, log.partitionCount)
      // What a log has lost again is not waited for.
      const bounds = await log.bounds(lane)
      return {
        lane,
        from: ofLane(flow, lane, from, log.partitionCount),
        to: bounds.map(({ end }, partition) => Math.min(end, ends[partition] ?? 0)),
      }
    }),
  )
  for await (const { lane, position, timeMs, headers } of recordsOf(log, wanted)) {
    const { offset, incarnation } = position
    const partition = sourceIndex(flow, lane, position.partition, log.partitionCount)
    const window = windows[partition]
    if (window === undefined) continue
    damaged += offset - (next[partition] ?? 0)
    next[partition] = offset + 1
    if (headers['token'] === canary) canaries++
    window.events.push({ offset, incarnation, uuid: headers['uuid'] ?? '' })
    window.fromMs = Math.min(window.fromMs, timeMs)
    window.toMs = Math.max(window.toMs, timeMs)
    if (window.events.length >= windowRecords) await flush(partition, offset + 1)
  }
  for (const [partition, end] of to.entries()) {
    damaged += Math.max(0, end - (next[partition] ?? 0))
    await flush(partition, end)
  }
  return { damaged, canaries }
}

/** The lanes' records up to where they are wanted, all of which are there. */
async function* recordsOf(log: EventLog, wanted: readonly (WantedLane & { readonly to: Offsets })[]) {
  const { signal } = new AbortController()
  // Whoever works on the journal has checked the records of others, and told of their damage.
  for await (const records of log.read(wanted, { signal, batchBytesMax: readBytesMax, othersUnchecked: true }))
    yield* records
}

/** Events whose project keeps them no longer; their derived rows say until when. */
async function withoutExpired({ flow, log, derived }: Compared, missing: readonly Missing[]) {
  if (missing.length === 0) return { expired: 0, left: missing }
  const open = new Map(missing.map((event) => [`${String(event.partition)}:${String(event.offset)}`, event]))
  const partitions = [...new Set(missing.map(({ partition }) => partition))]
  let expired = 0
  const nowSeconds = Date.now() / 1000
  for await (const { value } of recordsOf(log, [{ lane: flow.derived, ...derived, partitions }])) {
    if (open.size === 0) break
    for (const line of derivedBatchLines(value)) {
      // Written by ingestion.
      const row = JSON.parse(line) as PlacedRow
      const id = `${String(row._partition)}:${String(row._offset)}`
      if (row.expires_at <= nowSeconds && open.delete(id)) expired++
    }
  }
  return { expired, left: [...open.values()] }
}

/** Events whose uuid stands in the table under a later position: the table keeps one of two equal ones. */
async function withoutReplaced(flow: Flow, missing: readonly Missing[]) {
  const lost: Missing[] = []
  let replaced = 0
  for (let at = 0; at < missing.length; at += 1000) {
    const some = missing.slice(at, at + 1000)
    const positions = await askRole<[number, string, string][]>('core', {
      path: `/internal/positions?flow=${flow.name}`,
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

async function rowsOf(
  flow: Flow,
  partition: number,
  from: number,
  to: number,
  { fromMs, toMs }: TimeRange,
): Promise<PresentRow[]> {
  const query = new URLSearchParams({
    flow: flow.name,
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
