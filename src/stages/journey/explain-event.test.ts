import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Lane } from '../../event/position.ts'
import { createMemorySearch } from '../../stores/log/memory/memory-search.ts'
import type { MemorySearched } from '../../stores/log/memory/memory-search.ts'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import { createExplainEvent } from './explain-event.ts'
import type { FlowBehind, JourneyDeps } from './explain-event.ts'
import type { Journey, Scope } from './journey.ts'
import { acceptedMs, aDecision, anEntry, aTableRow, otherUuid, uuid } from './journey.fixtures.ts'
import type { TableRow } from './table-rows.ts'

const askedMs = acceptedMs + 3_600_000
const insertedAtMs = acceptedMs + 1500
const own: Scope = { projectId: 1, tokens: ['phc_one_of_the_project', 'phc_revoked_long_ago'] }

interface Held extends MemorySearched {
  readonly rows?: Readonly<Record<string, readonly TableRow[]>>
  readonly decidedTo?: number
  readonly insertedTo?: number
  /** Whether the ledger has a line about the offsets below 100 of partition 3. */
  readonly isInLedger?: boolean
}

/** Of the events; the other flows have nothing. */
function behind(events: FlowBehind, heatmaps: FlowBehind = nothing): JourneyDeps['flows'] {
  return { events, heatmaps, recordings: nothing }
}

const nothing: FlowBehind = {
  table: openMemoryWarehouse(createMemoryTable()),
  tableRows: () => Promise.resolve([]),
  decidedTo: () => Promise.resolve([]),
  insertedTo: () => Promise.resolve([]),
}

async function explained(held: Held, scope: Scope | undefined = own): Promise<Journey> {
  const { rows = {}, decidedTo = 100, insertedTo = 100, isInLedger = true } = held
  const table = createMemoryTable()
  const range = { partition: 3, fromOffset: 0, toOffset: 100, rowCount: 9, idSetHash: 0n }
  if (isInLedger) table.ledger.set('line', { ...range, month: 202_603, token: '202603-abc', insertedAtMs })
  const explain = createExplainEvent({
    search: createMemorySearch({
      searched: { fromMs: acceptedMs - 1000, throughMs: acceptedMs, complete: true },
      ...held,
    }),
    partitionCount: 4,
    flows: behind({
      table: openMemoryWarehouse(table),
      tableRows: (id) => Promise.resolve(rows[id] ?? []),
      decidedTo: () => Promise.resolve([0, 0, 0, decidedTo]),
      insertedTo: () => Promise.resolve([0, 0, 0, insertedTo]),
    }),
    nowMs: () => askedMs,
  })
  return await explain(uuid, scope, new AbortController().signal)
}

const { signal } = new AbortController()
const verdictsOf = ({ occurrences }: Journey, at = 0) => occurrences[at]?.steps.map(({ verdict }) => verdict)

describe('the journey of an event', () => {
  it('goes from the door to the table', async () => {
    const journey = await explained({
      entries: [anEntry(7)],
      decisions: [aDecision(7)],
      rows: { [uuid]: [aTableRow(7)] },
    })
    assert.equal(journey.fate, 'in_table')
    assert.deepEqual(verdictsOf(journey), ['stored', 'row', 'inserted', 'row'])
    assert.deepEqual(
      journey.occurrences[0]?.steps.map(({ atMs }) => atMs),
      [acceptedMs, acceptedMs + 100, insertedAtMs, undefined],
    )
    assert.equal(journey.occurrences[0].steps[2]?.token, '202603-abc')
    const texts = JSON.stringify(journey)
    assert.ok(!texts.includes('phc_one_of_the_project') && texts.includes('phc_on…ct'), 'the project token is masked')
    assert.deepEqual(journey.searched, { fromMs: acceptedMs - 1000, throughMs: askedMs, complete: true })
  })

  it('waits for ingestion, then for the warehouse', async () => {
    const undecided = await explained({ entries: [anEntry(7)], decidedTo: 7, insertedTo: 0, isInLedger: false })
    assert.deepEqual([undecided.fate, verdictsOf(undecided)], ['waiting', ['stored', 'waiting']])
    assert.match(undecided.summary, /safe on disk and waits for ingestion/)
    const decided = await explained({
      ...{ entries: [anEntry(7)], decisions: [aDecision(7)], insertedTo: 7, isInLedger: false },
    })
    assert.deepEqual([decided.fate, verdictsOf(decided)], ['waiting', ['stored', 'row', 'waiting']])
    assert.match(decided.summary, /waits for the warehouse/)
  })

  it('ends where ingestion ended it, with the reason', async () => {
    const cases = [
      ['dropped', 'dropped', 'left out by ingestion: bot'],
      ['dead_letter', 'parked', 'keeps it as a dead letter: bot'],
      ['damaged', 'damaged', 'could not be read back'],
    ] as const
    for (const [kind, fate, text] of cases) {
      const decision = aDecision(7, { exception: { offset: 7, kind, reason: 'bot', step: 'rules' } })
      const journey = await explained({ entries: [anEntry(7)], decisions: [decision] })
      assert.deepEqual([journey.fate, verdictsOf(journey)], [fate, ['stored', fate]])
      assert.ok(journey.summary.includes(text), journey.summary)
    }
  })

  it('is replaced when it came again after the window, and both are told', async () => {
    const journey = await explained({
      entries: [anEntry(7), anEntry(9, { timeMs: acceptedMs + 5 })],
      decisions: [aDecision(7), aDecision(9)],
      rows: { [uuid]: [aTableRow(9, { version: 2 }), aTableRow(7, { version: 1, isCurrent: false })] },
    })
    assert.equal(journey.fate, 'in_table')
    assert.deepEqual(verdictsOf(journey, 0)?.at(-1), 'replaced')
    assert.equal(journey.occurrences[0]?.steps.at(-1)?.position?.offset, 9)
    assert.deepEqual(verdictsOf(journey, 1)?.at(-1), 'row')
    assert.match(journey.summary, /stored once more, after the duplicate window/)
  })

  it('is gone when it is past its time, and when the table lost it', async () => {
    const row = { uuid, event: 'e', projectId: 1, version: 1, expiresAt: Math.floor(askedMs / 1000) - 60 }
    const expired = await explained({ entries: [anEntry(7)], decisions: [aDecision(7, { row })] })
    assert.deepEqual([expired.fate, verdictsOf(expired)?.at(-1)], ['gone', 'expired'])
    assert.match(expired.summary, /its project kept it until 10 March 2026 at 12:59:00 UTC, so it is gone/)
    const lost = await explained({ entries: [anEntry(7)], decisions: [aDecision(7)] })
    assert.deepEqual([lost.fate, verdictsOf(lost)?.at(-1)], ['gone', 'missing'])
    assert.match(lost.summary, /run "sluice verify"/)
  })

  it('begins with the row when retention removed what the door wrote, and says so', async () => {
    const journey = await explained({ rows: { [uuid]: [aTableRow(7, { acceptedAtMs: acceptedMs - 86_400_000 })] } })
    assert.equal(journey.fate, 'in_table')
    assert.deepEqual(verdictsOf(journey), ['stored', 'decided', 'inserted', 'row'])
    assert.match(
      journey.occurrences[0]?.steps[0]?.detail ?? '',
      /its journal goes back to 10 March 2026 at 11:59:59 UTC/,
    )
  })

  it('is told of a copy by its first one, also when that has another uuid or is gone from the journal', async () => {
    const copy = anEntry(7, {
      verdict: 'duplicate',
      position: { incarnation: undefined, lane: 'events_plugin_ingestion', partition: 3, offset: 7 },
    })
    const named = await explained({
      entries: [anEntry(7, { uuid: otherUuid, timeMs: acceptedMs - 10 }), copy],
      decisions: [aDecision(7)],
      rows: { [otherUuid]: [aTableRow(7)] },
    })
    assert.deepEqual([named.fate, verdictsOf(named)], ['duplicate', ['duplicate', 'row', 'inserted', 'row']])
    assert.match(named.summary, /not stored again; the first copy is in the table/)
    const alone = await explained({ entries: [copy], rows: { [uuid]: [aTableRow(7)] } })
    assert.equal(alone.fate, 'in_table')
  })

  it('is followed in the lane that the door put it into, and in the table of its flow', async () => {
    const inLane = (lane: Lane) => ({ incarnation: 1, lane, partition: 3, offset: 7 })
    const tableOf = (index: number) => {
      const table = createMemoryTable()
      const range = { partition: index, fromOffset: 0, toOffset: 100, rowCount: 9, idSetHash: 0n }
      table.ledger.set('line', { ...range, month: 202_603, token: `line of ${String(index)}`, insertedAtMs })
      return openMemoryWarehouse(table)
    }
    const cases = [
      { lane: 'exceptions', index: 15 },
      { lane: 'heatmaps_ingestion', index: 3 },
    ] as const
    for (const { lane, index } of cases) {
      const far: FlowBehind = {
        table: tableOf(index),
        tableRows: () => Promise.resolve([aTableRow(7, { position: inLane(lane) })]),
        decidedTo: () => Promise.resolve(Array.from({ length: 24 }, (_, at) => (at === index ? 100 : 0))),
        insertedTo: () => Promise.resolve(Array.from({ length: 24 }, (_, at) => (at === index ? 100 : 0))),
      }
      const explain = createExplainEvent({
        search: createMemorySearch({
          entries: [anEntry(7, { position: inLane(lane) })],
          decisions: [aDecision(7), aDecision(7, { place: inLane(lane), epoch: 42 })],
        }),
        partitionCount: 4,
        flows: lane === 'exceptions' ? behind(far) : behind(nothing, far),
        nowMs: () => askedMs,
      })
      const journey = await explain(uuid, own, signal)
      assert.deepEqual([journey.fate, verdictsOf(journey)], ['in_table', ['stored', 'row', 'inserted', 'row']])
      const [door, ingestion, warehouse] = journey.occurrences[0]?.steps ?? []
      assert.equal(door?.lane, lane)
      assert.match(ingestion?.detail ?? '', /epoch 42/)
      assert.equal(warehouse?.token, `line of ${String(index)}`)
    }
  })

  it('is refused, with the reason of the door', async () => {
    const journey = await explained({ entries: [anEntry(2, { verdict: 'refused' })] })
    assert.deepEqual([journey.fate, verdictsOf(journey)], ['refused', ['refused']])
    assert.equal(journey.occurrences[0]?.acceptedAtMs, undefined)
    assert.match(journey.summary, /event is not an object/)
  })

  it('is unknown when it is of another project, unless the operator asks', async () => {
    const held = {
      entries: [anEntry(7, { token: 'phc_of_others' })],
      decisions: [aDecision(7)],
      rows: { [uuid]: [aTableRow(7, { projectId: 2 })] },
    }
    const journey = await explained(held)
    assert.deepEqual([journey.fate, journey.occurrences], ['unknown', []])
    assert.equal((await explained({ ...held, entries: [anEntry(7, { token: 'phc_revoked_long_ago' })] })).fate, 'gone')
    const explain = createExplainEvent({
      search: createMemorySearch(held),
      partitionCount: 4,
      flows: behind({
        table: openMemoryWarehouse(createMemoryTable()),
        tableRows: () => Promise.resolve(held.rows[uuid]),
        decidedTo: () => Promise.resolve([0, 0, 0, 100]),
        insertedTo: () => Promise.resolve([0, 0, 0, 100]),
      }),
    })
    assert.equal((await explain(uuid, undefined, new AbortController().signal)).fate, 'in_table')
  })

  it('says how far back it was looked for when nothing is found, and when the search was cut short', async () => {
    const nothing = await explained({})
    assert.equal(nothing.fate, 'unknown')
    assert.match(
      nothing.summary,
      /goes from 10 March 2026 at 11:59:59 UTC to 10 March 2026 at 13:00:00 UTC, has no trace of it/,
    )
    const cut = await explained({ searched: { fromMs: acceptedMs, throughMs: acceptedMs, complete: false } })
    assert.match(cut.summary, /The search was cut short/)
    assert.equal(cut.searched.throughMs, acceptedMs)
    const empty = await explained({ searched: { fromMs: undefined, throughMs: 0, complete: true } })
    assert.match(empty.summary, /no event was ever accepted here/)
  })
})
