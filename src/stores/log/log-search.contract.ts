/** What every search through a log promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aBatchHead } from '../../event/derived-batch.fixtures.ts'
import { emptyBooks, encodeDerivedBatch } from '../../event/derived-batch.ts'
import type { DerivedBatchHead } from '../../event/derived-batch.ts'
import { flows, sourceIndex } from '../../event/flows.ts'
import type { Position } from '../../event/position.ts'
import { codeOf } from '../../kit/failure.ts'
import type { LogSearch } from './log-search.ts'

export interface SearchableLog {
  readonly partitionCount: number
  /** Puts an event into partition 0 of the main lane or, with a reason, of the dead letters. */
  accept(event: { readonly uuid: string; readonly token: string; readonly reason?: string }): Promise<void>
  /** Appends to the derived lane of the flow of events. */
  decide(partition: number, value: Buffer): Promise<Position>
  search(bounds: { readonly searchBytesMax: number; readonly searchesWaitingMax: number }): LogSearch
  close(): Promise<void>
}

const { signal } = new AbortController()
const wide = { searchBytesMax: 1e9, searchesWaitingMax: 2 }
const uuidOf = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const uuidsOf = (items: readonly { readonly uuid: string }[]): readonly string[] => items.map(({ uuid }) => uuid)

export function describeLogSearch(name: string, open: () => Promise<SearchableLog>): void {
  describe(`${name} as a search through a log`, () => {
    it('finds every record of a uuid, whichever lane it is in', async () => {
      const log = await open()
      const [one, other] = [uuidOf(1), uuidOf(2)]
      await log.accept({ uuid: one, token: 'phc_a' })
      await log.accept({ uuid: one, token: 'phc_a', reason: 'no name' })
      await log.accept({ uuid: other, token: 'phc_a' })
      const { items, searched } = await log.search(wide).entriesOf(one, signal)
      assert.deepEqual(
        new Set(items.map(({ verdict, reason }) => `${verdict}: ${reason}`)),
        new Set(['stored: ', 'refused: no name']),
      )
      assert.deepEqual(uuidsOf(items), [one, one])
      assert.equal(searched.complete, true)
      await log.close()
    })

    it('finds records by their places, and says nothing of those that are gone', async () => {
      const log = await open()
      for (const n of [1, 2]) await log.accept({ uuid: uuidOf(n), token: 'phc_a' })
      const place = { lane: 'events_plugin_ingestion', partition: 0 } as const
      const places = [1, 5].map((offset) => ({ ...place, offset }))
      assert.deepEqual(uuidsOf((await log.search(wide).entriesAt(places, signal)).items), [uuidOf(2)])
      await log.close()
    })

    it('finds the newest refused events of some tokens, newest first', async () => {
      const log = await open()
      for (const [n, token] of ['phc_a', 'phc_b', 'phc_a', 'phc_a'].entries())
        await log.accept({ uuid: uuidOf(n), token, reason: 'bad' })
      const { items } = await log.search(wide).refused(2, ['phc_a'], signal)
      assert.deepEqual(uuidsOf(items), [uuidOf(3), uuidOf(2)])
      await log.close()
    })

    it('finds what was decided about a place: its row, or why there is none', async () => {
      const log = await open()
      const raw = { offset: 1, kind: 'dead_letter', reason: 'bad', step: 'parse', raw: 'x'.repeat(5000) } as const
      const place = { lane: 'historical_events', partition: 1 } as const
      const index = sourceIndex(flows.events, place.lane, place.partition, log.partitionCount)
      const batch = await log.decide(index, aBatch(index, 0, 3, raw))
      const search = log.search(wide)
      const places = [2, 1, 8].map((offset) => ({ ...place, offset }))
      const { items } = await search.decisionsAt(places, signal)
      const [parked, row] = items.toSorted((a, b) => a.place.offset - b.place.offset)
      assert.equal(items.length, 2)
      assert.deepEqual(
        [parked?.row, parked?.exception?.reason, parked?.exception?.raw?.length],
        [undefined, 'bad', 4096],
      )
      assert.deepEqual(
        [row?.row?.uuid, row?.row?.projectId, row?.exception, row?.batch],
        [uuidOf(2), 7, undefined, batch],
      )
      const found = await search.parked(5, signal)
      assert.deepEqual(
        found.items.map((one) => one.place),
        [{ ...place, offset: 1 }],
      )
      await log.close()
    })

    it('takes turns, turns away who is one too many, and ends what waits when it is closed', async () => {
      const log = await open()
      await log.accept({ uuid: uuidOf(1), token: 'phc_a' })
      const search = log.search({ ...wide, searchesWaitingMax: 1 })
      const outcomes = await Promise.allSettled([1, 2, 3].map(() => search.entriesOf(uuidOf(1), signal)))
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'fulfilled', 'rejected'],
      )
      await search.close()
      await assert.rejects(search.entriesOf(uuidOf(1), signal), (error) => codeOf(error) === 'SLUICE_SEARCH_CANCELLED')
      await log.close()
    })
  })
}

function aBatch(
  partition: number,
  from: number,
  to: number,
  exception: DerivedBatchHead['exceptions'][number],
): Buffer {
  const rows: string[] = []
  for (let offset = from; offset < to; offset++) {
    if (offset === exception.offset) continue
    const row = { uuid: uuidOf(offset), event: 'e', team_id: 7, version: 1, expires_at: 9, _offset: offset, _index: 0 }
    rows.push(`${JSON.stringify(row)}\n`)
  }
  const head = aBatchHead({
    partition,
    from,
    to,
    exceptions: [exception],
    rowCount: rows.length,
    books: { ...emptyBooks, in: to - from, out: rows.length, deadLetter: 1 },
  })
  return encodeDerivedBatch(head, Buffer.from(rows.join('')))
}
