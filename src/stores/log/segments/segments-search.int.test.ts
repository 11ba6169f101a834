import assert from 'node:assert/strict'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { aBatchHead } from '../../../event/derived-batch.fixtures.ts'
import { emptyBooks, encodeDerivedBatch } from '../../../event/derived-batch.ts'
import type { DerivedBatchHead, SourceException } from '../../../event/derived-batch.ts'
import { flows, sourceIndex } from '../../../event/flows.ts'
import { laneNumber } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'
import { parseUuid, uuidV5, uuidV7 } from '../../../event/uuid.ts'
import { codeOf } from '../../../kit/failure.ts'
import { nodeFiles } from '../../../kit/node-files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { describeLogSearch } from '../log-search.contract.ts'
import type { Decision, LogSearch } from '../log-search.ts'
import { draftFrame, entryBytes, frameKinds, verdicts, writeEntry, writeEntryTexts, writeEntryUuid } from './frame.ts'
import { openJournalWriter } from './journal-writer.ts'
import type { JournalWriter } from './journal-writer.ts'
import { likelyFirst, openSegmentsSearch } from './segments-search.ts'
import { openSegmentsLog } from './segments-log.ts'
import type { Stretch } from './stretches.ts'
import { oneFolder } from './one-folder.fixtures.ts'

const roots: string[] = []
after(async () => {
  for (const root of roots) await rm(root, { recursive: true, force: true })
})

const namespace = parseUuid('6ba7b810-9dad-11d1-80b4-00c04fd430c8') ?? [0, 0, 0, 0]
const uuidOf = (name: string): string => uuidV5(namespace, name)
const { signal } = new AbortController()
const source: Lane = 'events_plugin_ingestion'

interface Event {
  readonly name: string
  readonly verdict?: keyof typeof verdicts
  readonly token?: string
  readonly partition?: number
  /** In place of the one made of its name. */
  readonly uuid?: string
  /** Why it was refused. */
  readonly reason?: string
}

async function aJournal(test: { after(clean: () => Promise<void>): void }, own: { segmentBytesMax?: number } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-search-'))
  roots.push(folder)
  const writer = await openJournalWriter({
    role: 'edge',
    files: nodeFiles,
    folder,
    partitionCount: 2,
    segmentBytesMax: own.segmentBytesMax ?? 1_000_000,
    segmentEntriesMax: 1_000_000,
    segmentAgeMsMax: 3_600_000,
    queueBytesMax: 64 * 1024 * 1024,
    reserveBytes: 0,
    telemetry: silent,
  })
  test.after(() => writer.close())
  const folders = oneFolder(folder)
  const search = (bounds: { searchBytesMax?: number; searchTimeMsMax?: number; searchesWaitingMax?: number } = {}) => {
    const opened = openSegmentsSearch({
      files: nodeFiles,
      partitionCount: 2,
      folders,
      searchBytesMax: 1e9,
      searchTimeMsMax: 60_000,
      searchesWaitingMax: 2,
      ...bounds,
    })
    test.after(() => opened.close())
    return opened
  }
  const log = openSegmentsLog({
    files: nodeFiles,
    partitionCount: 2,
    folders,
    writers: new Map([[folder, writer]]),
    pollMs: 5,
    telemetry: silent,
  })
  return { folder, writer, search, log }
}

/** One request; `bodyBytes` of filling lie behind each event. */
async function request(writer: JournalWriter, events: readonly Event[], bodyBytes = 100): Promise<void> {
  const texts = events.map(({ name, verdict, reason }) => (verdict === 'refused' ? (reason ?? `bad ${name}`) : ''))
  const values = events.map(({ name }) => `{"event":"${name}"}`)
  const draft = draftFrame({
    kind: frameKinds.records,
    entryCount: events.length,
    headers: JSON.stringify({ token: events[0]?.token ?? 'phc_one' }),
    textsBytes: texts.reduce((sum, text) => sum + 3 + text.length, 0),
    body: Buffer.from(values.join('') + ' '.repeat(bodyBytes)),
  })
  let start = 0
  let textAt = 0
  for (const [index, { name, verdict = 'stored', partition = 0, uuid = uuidOf(name) }] of events.entries()) {
    const lane: Lane = verdict === 'refused' ? 'events_plugin_ingestion_dlq' : 'events_plugin_ingestion'
    const at = draft.entriesAt + index * entryBytes
    const end = start + (values[index]?.length ?? 0)
    const offset = verdict === 'duplicate' ? 0 : writer.takeOffset(lane, partition)
    writeEntry(draft.head, at, {
      lane: laneNumber(lane),
      verdict: verdicts[verdict],
      flags: 0,
      partition,
      offset,
      start,
      end,
    })
    writeEntryUuid(draft.head, at, parseUuid(uuid) ?? [0, 0, 0, 0])
    textAt = writeEntryTexts(draft, at, textAt, 'ada', texts[index] ?? '')
    start = end
  }
  await writer.append(draft)
}

function batchHead(from: number, to: number, own: Partial<DerivedBatchHead> = {}): DerivedBatchHead {
  return aBatchHead({ from, to, rowCount: to - from, ...own })
}

const rowsText = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, n) => {
    const row = {
      uuid: uuidOf(String(from + n)),
      event: 'e',
      version: 7,
      team_id: 1,
      expires_at: 9,
      _offset: from + n,
      _index: 0,
    }
    return `${JSON.stringify(row)}\n`
  }).join('')

const namesOf = async (search: LogSearch, name: string) => {
  const { items, searched } = await search.entriesOf(uuidOf(name), signal)
  return { found: items.map(({ verdict, position }) => [verdict, position.partition, position.offset]), searched }
}

describeLogSearch('the search through segments', async () => {
  const clean: (() => Promise<void>)[] = []
  const { writer, search, log } = await aJournal({ after: (act) => clean.push(act) })
  return {
    partitionCount: 2,
    async accept({ uuid, token, reason }) {
      const refused = reason === undefined ? {} : { verdict: 'refused' as const, reason }
      await request(writer, [{ name: 'any', uuid, token, ...refused }])
    },
    decide: async (partition, value) => (await log.own('clickhouse_events')).append(partition, { headers: {}, value }),
    search,
    async close() {
      for (const act of clean.toReversed()) await act()
    },
  }
})

describe('a search through segments', () => {
  it('finds each entry with a uuid, in any segment and the one that is written, beside others in its request', async (test) => {
    const { writer, search } = await aJournal(test, { segmentBytesMax: 500 })
    await request(writer, [{ name: 'a' }, { name: 'b', partition: 1 }])
    await request(writer, [{ name: 'c' }, { name: 'd', verdict: 'refused' }])
    await request(writer, [{ name: 'a', verdict: 'duplicate' }])
    const all = await namesOf(search(), 'a')
    assert.deepEqual(all.found, [
      ['stored', 0, 0],
      ['duplicate', 0, 0],
    ])
    assert.equal(all.searched.complete, true)
    const [refused] = (await search().entriesOf(uuidOf('d'), signal)).items
    assert.equal(refused?.reason, 'bad d')
    assert.equal(refused.position.lane, 'events_plugin_ingestion_dlq')
    assert.equal(refused.raw, '{"event":"d"}')
    assert.equal(refused.token, 'phc_one')
    assert.equal(refused.distinctId, 'ada')
    assert.deepEqual((await namesOf(search(), 'nobody')).found, [])
  })

  it('jumps over bodies that are larger than what it reads at once', async (test) => {
    const { writer, search } = await aJournal(test, { segmentBytesMax: 100_000_000 })
    for (let n = 0; n < 12; n++) await request(writer, [{ name: String(n) }], n % 3 === 0 ? 2_000_000 : 70_000)
    // Reading all of it would take more than this.
    const small = search({ searchBytesMax: 3_000_000 })
    for (let n = 0; n < 12; n++) assert.deepEqual((await namesOf(small, String(n))).found, [['stored', 0, n]])
  })

  it('goes on behind damage, and says that it may have missed something', async (test) => {
    const { folder, writer, search } = await aJournal(test)
    for (const name of ['a', 'b', 'c']) await request(writer, [{ name }])
    const [segment] = (await readdir(folder)).filter((name) => name.endsWith('.seg'))
    const file = await open(join(folder, segment ?? ''), 'r+')
    const { size } = await file.stat()
    const frameBytes = 16 + 32 + 64 + 19 + 3 + 13 + 100 + 5
    // Into the head of the second of three frames.
    await file.write(Buffer.alloc(20, 0xff), 0, 20, size - 2 * (frameBytes & ~7))
    await file.close()
    const found = await namesOf(search(), 'c')
    assert.deepEqual(found.found, [['stored', 0, 2]])
    assert.equal(found.searched.complete, false)
    assert.deepEqual((await namesOf(search(), 'b')).found, [])
  })

  it('says from when on it searched after retention took segments, and when it was cut short', async (test) => {
    const { folder, writer, search } = await aJournal(test, { segmentBytesMax: 500 })
    for (let n = 0; n < 6; n++) await request(writer, [{ name: String(n) }], 600)
    const before = await namesOf(search(), '0')
    assert.equal(before.found.length, 1)
    const segments = (await readdir(folder)).filter((name) => name.endsWith('.seg')).sort()
    for (const name of segments.slice(0, 3)) await rm(join(folder, name))
    const later = await namesOf(search(), '0')
    assert.deepEqual(later.found, [])
    assert.equal(later.searched.complete, true)
    assert.ok((later.searched.fromMs ?? 0) >= (before.searched.fromMs ?? Infinity))
    const cut = await namesOf(search({ searchBytesMax: 10 }), '5')
    assert.equal(cut.searched.complete, false)
  })

  it('looks near the time in a version 7 uuid first, else from the newest on', () => {
    const hour = 3_600_000
    const stretches = [0, 1, 2, 3].map((n) => ({ path: String(n), fromMs: n * 48 * hour, toMs: (n + 1) * 48 * hour }))
    const order = (uuid: string) => likelyFirst(stretches as unknown as Stretch[], uuid).map(({ path }) => path)
    assert.deepEqual(order(uuidV7(50 * hour)), ['1', '3', '2', '0'])
    assert.deepEqual(order('00000000-0000-4000-8000-000000000000'), ['3', '2', '1', '0'])
  })

  it('finds entries at places, and the newest refused ones of some tokens', async (test) => {
    const { writer, search } = await aJournal(test, { segmentBytesMax: 500 })
    for (let n = 0; n < 8; n++) {
      const token = n % 2 === 0 ? 'phc_even' : 'phc_odd'
      await request(writer, [
        { name: `good ${String(n)}`, token },
        { name: `bad ${String(n)}`, verdict: 'refused' },
      ])
    }
    const places = [1, 6, 99].map((offset) => ({ lane: source, partition: 0, offset }))
    const at = await search().entriesAt(places, signal)
    assert.deepEqual(at.items.map(({ uuid }) => uuid).sort(), [uuidOf('good 1'), uuidOf('good 6')].sort())
    const even = await search().refused(2, ['phc_even'], signal)
    assert.deepEqual(
      even.items.map(({ uuid }) => uuid),
      [uuidOf('bad 6'), uuidOf('bad 4')],
    )
    assert.equal((await search().refused(100, undefined, signal)).items.length, 8)
  })

  it('finds the batch that decided a place, and what it says about it', async (test) => {
    const { log, search } = await aJournal(test, { segmentBytesMax: 3000 })
    const owner = await log.own('clickhouse_events')
    const parked: SourceException = { offset: 205, kind: 'dead_letter', reason: 'not_json', step: 'parse', raw: '{' }
    for (let n = 0; n < 40; n++) {
      const exceptions = n === 20 ? [parked] : []
      const books = { ...emptyBooks, deadLetter: n >= 20 ? 1 : 0 }
      const head = batchHead(n * 10, n * 10 + 10, { exceptions, books })
      await owner.append(0, { headers: {}, value: encodeDerivedBatch(head, Buffer.from(rowsText(head.from, head.to))) })
      const other = batchHead(n, n + 1, { partition: 1 })
      await owner.append(1, { headers: {}, value: encodeDerivedBatch(other, Buffer.from(rowsText(n, n + 1))) })
    }
    const places = [0, 123, 205, 399, 400].map((offset) => ({ lane: source, partition: 0, offset }))
    const { items } = await search().decisionsAt([...places, { lane: source, partition: 1, offset: 7 }], signal)
    const told = items.map(({ place, batch, row, exception }) => [
      place.partition,
      place.offset,
      batch.offset,
      row?.uuid ?? exception?.reason,
    ])
    assert.deepEqual(
      told.sort((a, b) => Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1])),
      [
        [0, 0, 0, uuidOf('0')],
        [0, 123, 12, uuidOf('123')],
        [0, 205, 20, 'not_json'],
        [0, 399, 39, uuidOf('399')],
        [1, 7, 7, uuidOf('7')],
      ],
    )
    const letters = await search().parked(10, signal)
    assert.deepEqual(
      letters.items.map(({ place, exception }) => [place.offset, exception?.raw]),
      [[205, '{']],
    )
    assert.equal(letters.searched.complete, true)
  })

  it('finds what was decided about places of any lane, in the batches of their flow', async (test) => {
    const { log, search } = await aJournal(test)
    const heatmap = { lane: 'heatmaps_ingestion', partition: 1, offset: 4 } as const
    const exception = { lane: 'exceptions', partition: 1, offset: 4 } as const
    const index = sourceIndex(flows.events, exception.lane, exception.partition, 2)
    const wrong = (reason: string): SourceException => ({ offset: 4, kind: 'dead_letter', reason, step: 'parse' })
    const written = [
      { flow: flows.heatmaps, partition: heatmap.partition, reason: 'no heatmap' },
      { flow: flows.events, partition: index, reason: 'no event' },
      { flow: flows.events, partition: heatmap.partition, reason: 'of the main lane' },
    ]
    for (const { flow, partition, reason } of written) {
      const books = { ...emptyBooks, deadLetter: 1 }
      const head = batchHead(0, 10, { partition, exceptions: [wrong(reason)], books })
      const owner = await log.own(flow.derived)
      await owner.append(partition, { headers: {}, value: encodeDerivedBatch(head, Buffer.alloc(0)) })
    }
    const told = ({ place, exception: found }: Decision) => [place.lane, place.partition, place.offset, found?.reason]
    const { items } = await search().decisionsAt([exception, heatmap], signal)
    assert.deepEqual(items.map(told), [
      ['exceptions', 1, 4, 'no event'],
      ['heatmaps_ingestion', 1, 4, 'no heatmap'],
    ])
    const parked = await search().parked(10, signal)
    assert.deepEqual(parked.items.map(told).map(String).toSorted(), [
      'events_plugin_ingestion,1,4,of the main lane',
      'exceptions,1,4,no event',
      'heatmaps_ingestion,1,4,no heatmap',
    ])
  })

  it('finds dead letters across segments that have none, without reading those', async (test) => {
    const { log, search } = await aJournal(test, { segmentBytesMax: 200_000 })
    const owner = await log.own('clickhouse_events')
    let deadLetter = 0
    const parkedAt = [3, 4, 60]
    for (let n = 0; n < 80; n++) {
      const raw = `{"n":${String(n)}}`
      const isParked = parkedAt.includes(n)
      const exceptions: SourceException[] = isParked
        ? [{ offset: n, kind: 'dead_letter', reason: 'not_json', step: 'parse', raw }]
        : []
      deadLetter += exceptions.length
      const head = batchHead(n, n + 1, { exceptions, books: { ...emptyBooks, deadLetter } })
      await owner.append(0, { headers: {}, value: encodeDerivedBatch(head, Buffer.alloc(100_000, 'x')) })
    }
    const found = async (opened: LogSearch, limit: number) => {
      const { items, searched } = await opened.parked(limit, signal)
      return [items.map(({ place }) => place.offset), searched.complete]
    }
    assert.deepEqual(await found(search(), 10), [[60, 4, 3], true])
    assert.deepEqual(await found(search(), 1), [[60], true])
    // Everything is eight megabytes.
    assert.deepEqual(await found(search({ searchBytesMax: 2_500_000 }), 10), [[60, 4, 3], true])
  })

  it('serves one after the other, refuses what cannot wait, and ends with whoever asked', async (test) => {
    const { writer, search } = await aJournal(test)
    await request(writer, [{ name: 'a' }])
    const searching = search({ searchesWaitingMax: 1 })
    const gone = new AbortController()
    const first = searching.entriesOf(uuidOf('a'), gone.signal)
    const second = searching.entriesOf(uuidOf('a'), signal)
    await assert.rejects(searching.entriesOf(uuidOf('a'), signal), (error) => codeOf(error) === 'SLUICE_SEARCH_BUSY')
    gone.abort()
    await assert.rejects(first, (error) => codeOf(error) === 'SLUICE_SEARCH_CANCELLED')
    assert.equal((await second).items.length, 1)
    const third = searching.entriesOf(uuidOf('a'), signal)
    await searching.close()
    await assert.rejects(third, (error) => codeOf(error) === 'SLUICE_SEARCH_CANCELLED')
  })
})
