/**
 * What became of one event? Everything that is known of its uuid, put together from where it was written down when it
 * happened: the door's journal, the derived batches, the warehouse's ledger and the table. Words: `journey.ts`.
 */
import { allFlows, flowFrom, flows, sourceIndex } from '../../event/flows.ts'
import type { Flow, FlowName } from '../../event/flows.ts'
import type { Offsets } from '../../event/position.ts'
import type { Decision, DoorEntry, LogSearch, Place, Searched } from '../../stores/log/log-search.ts'
import type { LedgerLine, WarehouseTable } from '../../stores/warehouse/warehouse.ts'
import type { Fate, Journey, JourneyStep, Occurrence, Scope } from './journey.ts'
import { momentText } from './moment.ts'
import { summaryOf } from './summary.ts'
import type { TableRow } from './table-rows.ts'

export interface JourneyDeps {
  readonly search: Pick<LogSearch, 'entriesOf' | 'entriesAt' | 'decisionsAt'>
  /** Of a source lane. */
  readonly partitionCount: number
  readonly flows: Readonly<Record<FlowName, FlowBehind>>
  readonly nowMs?: () => number
}

/** What lies behind the door, for one kind of records. */
export interface FlowBehind {
  readonly table: Pick<WarehouseTable, 'ledger'>
  /** Rows of the table with this uuid, every version. */
  tableRows(uuid: string, signal: AbortSignal): Promise<readonly TableRow[]>
  /** Next source offset that ingestion decides, by source index. */
  decidedTo(): Promise<Offsets>
  /** Next source offset of which the warehouse writer inserts, by source index. */
  insertedTo(): Promise<Offsets>
}

/** `uuid` in lower case with hyphens. Without a scope, of the whole installation. */
export type ExplainEvent = (uuid: string, scope: Scope | undefined, signal: AbortSignal) => Promise<Journey>

/** Stored copies of one event that are followed behind the door; a uuid that was stored more often is a broken client's. */
const placesFollowedMax = 20

export function createExplainEvent(deps: JourneyDeps): ExplainEvent {
  const { search, partitionCount } = deps
  const nowMs = deps.nowMs ?? Date.now

  return async function explainEvent(uuid, scope, signal) {
    // Before the table is asked: what is inserted meanwhile may or may not be among its rows.
    const askedMs = nowMs()
    const reached = await reachedNow()
    const found = await search.entriesOf(uuid, signal)
    const entries = found.items.filter(({ token }) => scope === undefined || scope.tokens.includes(token))
    const firsts = await firstCopies(entries, signal)
    // An event may be in its table long after the door's journal has forgotten it; other tables are looked at for a reason.
    const concerned = new Set([
      flows.events,
      ...[...entries, ...firsts.values()].flatMap((one) => flowOf(one.position)),
    ])
    const rowsWith = async (id: string): Promise<readonly TableRow[]> => {
      const rows: TableRow[] = []
      for (const { name } of concerned) rows.push(...(await deps.flows[name].tableRows(id, signal)))
      return rows.filter(({ projectId }) => scope === undefined || projectId === scope.projectId)
    }
    const rows = await rowsWith(uuid)
    const rowsOf = new Map([[uuid, rows]])
    for (const first of firsts.values()) {
      if (!rowsOf.has(first.uuid)) rowsOf.set(first.uuid, await rowsWith(first.uuid))
    }
    const places = placesOf(entries, firsts, rows)
    const decisions = byPlace((await search.decisionsAt(places, signal)).items, ({ place }) => place)
    const ledger = new Map<string, readonly LedgerLine[]>()
    for (const place of places) ledger.set(keyOf(place), await linesAt(place, askedMs))
    const known: Known = { uuid, rowsOf, decisions, ledger, askedMs, reached }
    const occurrences = occurrencesOf(entries, firsts, known, found.searched)
    const fate = fateOf(occurrences)
    const throughMs = found.searched.complete ? askedMs : found.searched.throughMs
    const searched = { ...found.searched, throughMs }
    return { uuid, fate, summary: summaryOf({ uuid, fate, occurrences, searched }), occurrences, searched }
  }

  /** How far ingestion and the warehouse writer are at this moment, for any place. */
  async function reachedNow(): Promise<Known['reached']> {
    const ofEach = async (ask: (flow: FlowBehind) => Promise<Offsets>): Promise<ReadonlyMap<FlowName, Offsets>> =>
      new Map(await Promise.all(allFlows.map(async ({ name }) => [name, await ask(deps.flows[name])] as const)))
    const decidedTo = await ofEach((flow) => flow.decidedTo())
    const insertedTo = await ofEach((flow) => flow.insertedTo())
    return (by, { lane, partition, offset }) => {
      const flow = flowFrom(lane)
      if (flow === undefined) return false
      const offsets = (by === 'ingestion' ? decidedTo : insertedTo).get(flow.name)
      return offset < (offsets?.[sourceIndex(flow, lane, partition, partitionCount)] ?? 0)
    }
  }

  /** The first copies of duplicates that came under another uuid, or are not in the journal any more. */
  async function firstCopies(
    entries: readonly DoorEntry[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, DoorEntry>> {
    const stored = new Set(entries.filter(({ verdict }) => verdict === 'stored').map(({ position }) => keyOf(position)))
    const wanted = unique(
      entries.filter(({ verdict, position }) => verdict === 'duplicate' && !stored.has(keyOf(position))),
      ({ position }) => position,
    )
    if (wanted.length === 0) return new Map()
    const { items } = await search.entriesAt(wanted.map(({ position }) => position).slice(0, placesFollowedMax), signal)
    return byPlace(items, ({ position }) => position)
  }

  async function linesAt({ lane, partition, offset }: Place, beforeMs: number): Promise<readonly LedgerLine[]> {
    const flow = flowFrom(lane)
    if (flow === undefined) return []
    const index = sourceIndex(flow, lane, partition, partitionCount)
    const lines = await deps.flows[flow.name].table.ledger({
      partition: index,
      fromOffset: offset,
      toOffset: offset + 1,
    })
    return lines
      .filter(({ insertedAtMs }) => insertedAtMs < beforeMs)
      .toSorted((a, b) => a.insertedAtMs - b.insertedAtMs)
  }
}

/** What was looked up before the steps are written. */
interface Known {
  readonly uuid: string
  /** By uuid: of the one that was asked for, and of first copies. */
  readonly rowsOf: ReadonlyMap<string, readonly TableRow[]>
  readonly decisions: ReadonlyMap<string, Decision>
  readonly ledger: ReadonlyMap<string, readonly LedgerLine[]>
  readonly askedMs: number
  /** Whether it had passed the place when the search began. */
  readonly reached: (by: 'ingestion' | 'warehouse', place: Place) => boolean
}

/** In a list, for `flatMap`; empty for lanes that go nowhere. */
function flowOf({ lane }: Place): readonly Flow[] {
  const flow = flowFrom(lane)
  return flow === undefined ? [] : [flow]
}

function placesOf(
  entries: readonly DoorEntry[],
  firsts: ReadonlyMap<string, DoorEntry>,
  rows: readonly TableRow[],
): readonly Place[] {
  const accepted = entries.filter(({ verdict }) => verdict !== 'refused').map(({ position }) => position)
  const all = [...accepted, ...[...firsts.values()].map(({ position }) => position), ...rows.map((row) => row.position)]
  return unique(all, (place) => place)
    .slice(0, placesFollowedMax)
    .map(({ lane, partition, offset }) => ({ lane, partition, offset }))
}

function occurrencesOf(
  entries: readonly DoorEntry[],
  firsts: ReadonlyMap<string, DoorEntry>,
  known: Known,
  searched: Searched,
): readonly Occurrence[] {
  const ownPlaces = new Set(
    entries.filter(({ verdict }) => verdict === 'stored').map(({ position }) => keyOf(position)),
  )
  const copied = new Set(entries.map(({ position }) => keyOf(position)))
  const beforeJournal = unique(known.rowsOf.get(known.uuid) ?? [], ({ position }) => position).filter(
    ({ position }) => !copied.has(keyOf(position)),
  )
  const occurrences = [
    ...beforeJournal.map((row) => fromRow(row, known, searched)),
    ...entries.map((entry) => {
      if (entry.verdict === 'refused') return refused(entry)
      if (entry.verdict === 'stored') return stored(entry, known)
      return duplicate(entry, firsts.get(keyOf(entry.position)), !ownPlaces.has(keyOf(entry.position)), known)
    }),
  ]
  return occurrences.toSorted((a, b) => (a.acceptedAtMs ?? 0) - (b.acceptedAtMs ?? 0))
}

function stored(entry: DoorEntry, known: Known): Occurrence {
  const steps = [
    doorStep(entry, `Stored by the door, under the token ${masked(entry.token)}.`),
    ...onward(entry.position, entry.uuid, known),
  ]
  return { acceptedAtMs: entry.timeMs, fate: fateBehindTheDoor(steps), steps }
}

function refused(entry: DoorEntry): Occurrence {
  const detail = `Refused by itself, under the token ${masked(entry.token)}; kept as a dead letter of the door.`
  return { acceptedAtMs: undefined, fate: 'refused', steps: [doorStep(entry, detail)] }
}

/** `ofItself` is false when the first copy is an occurrence of its own. */
function duplicate(entry: DoorEntry, first: DoorEntry | undefined, ofItself: boolean, known: Known): Occurrence {
  const where = placeText(entry.position)
  const copyOf =
    first === undefined || first.uuid === entry.uuid
      ? `the event at ${where}`
      : `the event ${first.uuid} at ${where}, which has the same user, name and timestamp`
  const detail = `Not stored again: a copy of ${copyOf}. The answer named that position.`
  const steps = [doorStep(entry, detail), ...(ofItself ? onward(entry.position, first?.uuid ?? entry.uuid, known) : [])]
  // Without a first copy in sight the table may still have it.
  const isInTable = ofItself && first === undefined && fateBehindTheDoor(steps) === 'in_table'
  return { acceptedAtMs: entry.timeMs, fate: isInTable ? 'in_table' : 'duplicate', steps }
}

/** Of a row whose acceptance the journal does not hold any more. */
function fromRow(row: TableRow, known: Known, { fromMs }: Searched): Occurrence {
  const since = fromMs === undefined ? 'is empty' : `goes back to ${momentText(fromMs)}`
  const door: JourneyStep = {
    ...nothing,
    stage: 'door',
    verdict: 'stored',
    atMs: row.acceptedAtMs,
    lane: row.position.lane,
    position: row.position,
    detail: `Stored by the door, as the row says; its journal ${since} and does not show it.`,
  }
  const steps = [door, ...onward(row.position, known.uuid, known)]
  return { acceptedAtMs: row.acceptedAtMs, fate: fateBehindTheDoor(steps), steps }
}

const nothing = {
  atMs: undefined,
  lane: undefined,
  position: undefined,
  reason: undefined,
  token: undefined,
} as const

function doorStep({ verdict, timeMs, position, reason }: DoorEntry, detail: string): JourneyStep {
  const why = reason === '' ? undefined : reason
  return { ...nothing, stage: 'door', verdict, atMs: timeMs, lane: position.lane, position, reason: why, detail }
}

function onward(place: Place, uuid: string, known: Known): readonly JourneyStep[] {
  const decision = known.decisions.get(keyOf(place))
  const isDecided = known.reached('ingestion', place)
  if (decision === undefined && !isDecided) {
    return [{ ...nothing, stage: 'ingestion', verdict: 'waiting', detail: 'Safe on disk; waits for ingestion.' }]
  }
  const ingestion = ingestionStep(decision)
  if (decision?.exception !== undefined) return [ingestion]
  const lines = known.ledger.get(keyOf(place)) ?? []
  const isInserted = lines.length > 0 || known.reached('warehouse', place)
  if (!isInserted) {
    const detail = 'Decided and durable; waits for the warehouse writer.'
    return [ingestion, { ...nothing, stage: 'warehouse', verdict: 'waiting', detail }]
  }
  const inserts = lines.map(insertStep)
  return [
    ingestion,
    ...(inserts.length === 0 ? [insertWithoutLine] : inserts),
    tableStep(place, known.rowsOf.get(uuid) ?? [], decision, known.askedMs),
  ]
}

const ingestionVerdicts = { dropped: 'dropped', dead_letter: 'parked', damaged: 'damaged' } as const

function ingestionStep(decision: Decision | undefined): JourneyStep {
  if (decision === undefined) {
    const detail = 'Decided; the derived batch that says how is not in the log any more.'
    return { ...nothing, stage: 'ingestion', verdict: 'decided', detail }
  }
  const { batch, from, to, epoch, exception } = decision
  const lane = flowFrom(decision.place.lane)?.derived
  const step = { ...nothing, stage: 'ingestion' as const, atMs: decision.timeMs, lane, position: batch }
  const where = `derived batch ${placeText(batch)}, which decided the offsets ${String(from)} to ${String(to - 1)} in epoch ${String(epoch)}`
  if (exception === undefined) {
    return { ...step, verdict: 'row', detail: `Became a row in ${where}.` }
  }
  const texts = {
    dropped: 'Left out by a rule',
    dead_letter: 'Set aside as a dead letter, with its text,',
    damaged: 'Could not be read back from the log',
  }
  return {
    ...step,
    verdict: ingestionVerdicts[exception.kind],
    reason: exception.reason,
    detail: `${texts[exception.kind]} by the step "${exception.step}", in ${where}.`,
  }
}

function insertStep({ token, insertedAtMs, fromOffset, toOffset, rowCount }: LedgerLine): JourneyStep {
  const detail = `Inserted with ${String(rowCount)} rows of the offsets ${String(fromOffset)} to ${String(toOffset - 1)}.`
  return { ...nothing, stage: 'warehouse', verdict: 'inserted', atMs: insertedAtMs, token, detail }
}

const insertWithoutLine: JourneyStep = {
  ...nothing,
  stage: 'warehouse',
  verdict: 'inserted',
  detail: 'The warehouse writer has passed it; the ledger has no line about it.',
}

function tableStep(
  place: Place,
  rows: readonly TableRow[],
  decision: Decision | undefined,
  askedMs: number,
): JourneyStep {
  const step = { ...nothing, stage: 'table' as const }
  const here = rows.find(({ position }) => keyOf(position) === keyOf(place))
  const current = rows.find(({ isCurrent, key }) => isCurrent && (here === undefined || key === here.key))
  const expiresAt = here?.expiresAt ?? decision?.row?.expiresAt
  if (expiresAt !== undefined && expiresAt * 1000 <= askedMs) {
    const atMs = expiresAt * 1000
    return { ...step, verdict: 'expired', atMs, detail: 'Past the time for which its project keeps events.' }
  }
  if (here?.isCurrent === true) {
    const detail = `In the table, for project ${String(here.projectId)}, as version ${String(here.version)}.`
    return { ...step, verdict: 'row', position: here.position, detail }
  }
  if (current !== undefined) {
    const detail = `The same event came again after the duplicate window; the row of ${placeText(current.position)}, version ${String(current.version)}, stands for both.`
    return { ...step, verdict: 'replaced', position: current.position, detail }
  }
  const detail = 'Not in the table, although it should be: run "sluice verify".'
  return { ...step, verdict: 'missing', detail }
}

function fateBehindTheDoor(steps: readonly JourneyStep[]): Fate {
  const last = steps.at(-1)
  switch (last?.verdict) {
    case 'row':
    case 'replaced':
      return 'in_table'
    case 'dropped':
    case 'parked':
    case 'damaged':
      return last.verdict
    case 'expired':
    case 'missing':
      return 'gone'
    default:
      return 'waiting'
  }
}

/** The best that happened to any occurrence; that it was also refused or a copy once counts for less. */
const fatesByRank: readonly Fate[] = [
  'in_table',
  'waiting',
  'parked',
  'dropped',
  'damaged',
  'gone',
  'duplicate',
  'refused',
]

function fateOf(occurrences: readonly Occurrence[]): Fate {
  return fatesByRank.find((fate) => occurrences.some((one) => one.fate === fate)) ?? 'unknown'
}

/** Enough to recognise it by, too little to write with. */
function masked(token: string): string {
  return token.length <= 12 ? '***' : `${token.slice(0, 6)}…${token.slice(-2)}`
}

function placeText({ partition, offset }: Omit<Place, 'lane'>): string {
  return `${String(partition)}@${String(offset)}`
}

function keyOf(place: Place): string {
  return `${place.lane} ${placeText(place)}`
}

function byPlace<T>(items: readonly T[], placeIn: (item: T) => Place): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [keyOf(placeIn(item)), item]))
}

/** The first of each place. */
function unique<T>(items: readonly T[], placeIn: (item: T) => Place): readonly T[] {
  const seen = new Set<string>()
  return items.filter((item) => {
    const key = keyOf(placeIn(item))
    return !seen.has(key) && seen.add(key)
  })
}
