import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { emptyBooks, encodeDerivedBatch } from '../../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../../event/derived-batch.ts'
import { flows, sourceIndex } from '../../../event/flows.ts'
import type { Lane } from '../../../event/position.ts'
import { codeOf } from '../../../kit/failure.ts'
import { createMemoryLog } from '../memory/memory-log.ts'
import type { MemoryLog } from '../memory/memory-log.ts'
import { openReadingSearch } from './reading-search.ts'

const { signal } = new AbortController()
const bounds = { canaryToken: 'phc_canary', searchBytesMax: 1e9, searchTimeMsMax: 60_000, searchesWaitingMax: 2 }
let log: MemoryLog
let search: ReturnType<typeof openReadingSearch>

beforeEach(() => {
  log = createMemoryLog(2)
  search = openReadingSearch({ log, ...bounds })
})

function accepted(uuid: string, own: Readonly<Record<string, string>> = {}, timeMs = 1, lane?: Lane): void {
  const headers = { token: 'phc_a', uuid, distinct_id: 'ada', ...own }
  log.put(lane ?? 'events_plugin_ingestion', 0, { headers, value: Buffer.from(`{"event":"${uuid}"}`) }, timeMs)
}

function decided(lane: Lane, partition: number, from: number, exceptions: DerivedBatchHead['exceptions'], to: number) {
  const index = sourceIndex(flows.events, lane, partition, 2)
  const gone = new Set(exceptions.map(({ offset }) => offset))
  const rows: string[] = []
  for (let offset = from; offset < to; offset++)
    if (!gone.has(offset))
      rows.push(
        JSON.stringify({
          uuid: `u${String(offset)}`,
          event: 'e',
          team_id: 7,
          version: 1,
          expires_at: 9,
          _offset: offset,
          _index: 0,
        }),
      )
  const head = {
    epoch: 1,
    partition: index,
    from,
    to,
    exceptions,
    rowCount: rows.length,
    idSetHash: '0',
    month: 202611,
    acceptedFromMs: 0,
    acceptedToMs: 0,
    books: emptyBooks,
  }
  log.put(
    'clickhouse_events',
    index,
    { headers: {}, value: encodeDerivedBatch(head, Buffer.from(`${rows.join('\n')}\n`)) },
    to,
  )
}

describe('a search that reads', () => {
  it('finds every record of a uuid, oldest first, whichever lane it is in', async () => {
    accepted('one', {}, 5)
    accepted('one', { reason: 'no name' }, 3, 'events_plugin_ingestion_dlq')
    accepted('other')
    const { items, searched } = await search.entriesOf('one', signal)
    assert.deepEqual(
      items.map(({ verdict, timeMs, reason, raw }) => [verdict, timeMs, reason, raw]),
      [
        ['refused', 3, 'no name', '{"event":"one"}'],
        ['stored', 5, '', '{"event":"one"}'],
      ],
    )
    assert.deepEqual(searched, { fromMs: 1, throughMs: 5, complete: true })
  })

  it('tells canaries and marks', async () => {
    accepted('one', { token: 'phc_canary', historical_migration: 'true' })
    const [entry] = (await search.entriesOf('one', signal)).items
    assert.deepEqual([entry?.isCanary, entry?.marks], [true, ['historical_migration']])
  })

  it('finds records by their places, and says nothing of those that are gone', async () => {
    accepted('one')
    accepted('two')
    const place = { lane: 'events_plugin_ingestion', partition: 0 } as const
    const { items } = await search.entriesAt(
      [
        { ...place, offset: 1 },
        { ...place, offset: 5 },
      ],
      signal,
    )
    assert.deepEqual(
      items.map(({ uuid }) => uuid),
      ['two'],
    )
  })

  it('finds the newest refused events of some tokens', async () => {
    for (const [at, token] of ['phc_a', 'phc_b', 'phc_a', 'phc_a'].entries())
      accepted(`u${String(at)}`, { token }, at + 1, 'events_plugin_ingestion_dlq')
    const { items } = await search.refused(2, ['phc_a'], signal)
    assert.deepEqual(
      items.map(({ uuid }) => uuid),
      ['u3', 'u2'],
    )
  })

  it('finds what was decided about a place: its row, or why there is none', async () => {
    const raw = { offset: 1, kind: 'dead_letter', reason: 'bad', step: 'parse', raw: 'x'.repeat(5000) } as const
    decided('historical_events', 1, 0, [raw], 3)
    const place = { lane: 'historical_events', partition: 1 } as const
    const { items } = await search.decisionsAt(
      [
        { ...place, offset: 2 },
        { ...place, offset: 1 },
        { ...place, offset: 8 },
      ],
      signal,
    )
    const byOffset = items.toSorted((a, b) => a.place.offset - b.place.offset)
    assert.deepEqual(
      byOffset.map(({ place: { offset }, row, exception }) => [
        offset,
        row?.uuid,
        exception?.reason,
        exception?.raw?.length,
      ]),
      [
        [1, undefined, 'bad', 4096],
        [2, 'u2', undefined, undefined],
      ],
    )
    assert.deepEqual(
      (await search.parked(5, signal)).items.map(({ place }) => place),
      [{ ...place, offset: 1 }],
    )
  })

  it('says that it was cut short when it may read no more', async () => {
    for (let n = 0; n < 5; n++) accepted(`u${String(n)}`)
    const short = openReadingSearch({ log, ...bounds, searchBytesMax: 10 })
    assert.equal((await short.entriesOf('nobody', signal)).searched.complete, false)
  })

  it('takes turns, turns away who is one too many, and ends what waits when it is closed', async () => {
    const one = openReadingSearch({ log, ...bounds, searchesWaitingMax: 1 })
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => one.entriesOf('u', signal)))
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
    await one.close()
    await assert.rejects(one.entriesOf('u', signal), (error) => codeOf(error) === 'SLUICE_SEARCH_CANCELLED')
  })
})
