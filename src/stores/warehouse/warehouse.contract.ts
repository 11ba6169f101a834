import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { codeOf } from '../../kit/failure.ts'
import { IdSet } from './id-set.ts'
import { aBlock, acceptedMs, aHeatmapRow, aRecordingRow, aRow, ndjson, rowsAt } from './warehouse.fixtures.ts'
import { timestampMaxUs, timestampMinUs } from './warehouse-row.ts'
import type { PlacedRow, WarehouseRow } from './warehouse-row.ts'
import type { PresentRow, RowRange, TableName, Warehouse, WarehouseTable } from './warehouse.ts'

export interface OpenTable<Table extends WarehouseTable = WarehouseTable> {
  readonly warehouse: Table
  /** Rows as the engine holds them, to look behind the port: one object a row of the table. */
  stored(where: string): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** What the engine makes of `IdSet` for the rows that match. */
  idSetHash(where: string): Promise<bigint>
  /** Closes and opens again on the same data. */
  reopen(): Promise<OpenTable<Table>>
  /** Closes and removes everything. */
  remove(): Promise<void>
}

export type OpenWarehouse = OpenTable<Warehouse>

type Own = Partial<Pick<WarehouseRow, keyof PlacedRow | 'timestamp' | 'distinct_id'>>

/** A row of each table, and the column that holds its longest text. */
const rowsOf: Readonly<Record<TableName, { readonly text: string; readonly aRow: (own: Own) => PlacedRow }>> = {
  events: { text: 'properties', aRow },
  session_recording_events: { text: 'snapshot_data', aRow: aRecordingRow },
  heatmaps: { text: 'properties', aRow: aHeatmapRow },
}

/** What every table promises; `open` gives an empty one. Tests use partitions of their own. */
export function describeTable(name: string, table: TableName, open: () => Promise<OpenTable>): void {
  const { text, aRow } = rowsOf[table]
  const rowsAt = (offsets: readonly number[], own: Own = {}) =>
    offsets.map((offset) => aRow({ _offset: offset, ...own }))

  describe(`${name} as the table ${table}`, () => {
    it('keeps its promises about rows, tokens and ledger', async (t) => {
      let opened = await open()
      const { warehouse } = opened
      const promise = promises(t)

      await promise('gives the rows of a range back in ascending order of offset', async (own, range) => {
        await warehouse.insert(aBlock('order', rowsAt([5, 3, 9, 4], own)))
        assert.deepEqual(await offsetsOf(warehouse, range), [3, 4, 5, 9])
        assert.deepEqual(await offsetsOf(warehouse, { ...range, fromOffset: 4, toOffset: 9 }), [4, 5])
      })

      await promise('stores nothing when a token comes again', async (own, range) => {
        const block = aBlock('again', rowsAt([1, 2], own))
        await warehouse.insert(block)
        await warehouse.insert(block)
        assert.deepEqual(await offsetsOf(warehouse, range), [1, 2])
        assert.equal((await warehouse.ledger(range)).length, 1)
      })

      await promise('shows a row twice that is there twice', async (own, range) => {
        const rows = rowsAt([1, 2], own)
        await warehouse.insert(aBlock('twice-a', rows))
        await warehouse.insert(aBlock('twice-b', rows.slice(0, 1)))
        const offsets = await offsetsOf(warehouse, range)
        // A merge may have resolved the copies already; it never resolves different rows.
        assert.ok(offsets.join() === '1,1,2' || offsets.join() === '1,2', offsets.join())
      })

      await promise('stores rows under another token even when they are the same', async (own, range) => {
        await warehouse.insert(aBlock('missing-a', rowsAt([1], own)))
        await warehouse.insert(aBlock('missing-b', rowsAt([2], own)))
        assert.deepEqual(await offsetsOf(warehouse, range), [1, 2])
      })

      await promise('stores none of a block when one row cannot be read', async (own, range) => {
        const rows = [ndjson(rowsAt([1, 2], own)), Buffer.from('{"uuid":"no"}\n')]
        const block = aBlock('broken', rowsAt([1, 2, 3], own), { rows })
        await assert.rejects(warehouse.insert(block), hasCode('SLUICE_WAREHOUSE_ROW'))
        await warehouse.insert(aBlock('after', rowsAt([7], own)))
        assert.deepEqual(await offsetsOf(warehouse, range), [7])
        assert.deepEqual(
          (await warehouse.ledger(range)).map((line) => line.token),
          ['after'],
        )
      })

      await promise('refuses a block whose rows were accepted in two months', async (own, range) => {
        const rows = [aRow({ _offset: 1, ...own }), aRow({ _offset: 2, ...own, accepted_at: Date.UTC(2026, 3, 1) })]
        await assert.rejects(warehouse.insert(aBlock('months', rows)), hasCode('SLUICE_WAREHOUSE_ROW'))
        assert.deepEqual(await offsetsOf(warehouse, range), [])
      })

      await promise('refuses a block that has not the rows it says', async (own) => {
        const block = aBlock('count', rowsAt([1], own), { rowCount: 2 })
        await assert.rejects(warehouse.insert(block), hasCode('SLUICE_WAREHOUSE_ROW'))
      })

      await promise('refuses unknown keys and missing values rather than lose them', async (own) => {
        const unknown = { ...aRow(own), colour: 'red' }
        const empty = { ...aRow(own), distinct_id: null }
        for (const row of [unknown, empty]) {
          const block = aBlock('strict', [aRow(own)], { rows: [Buffer.from(`${JSON.stringify(row)}\n`)] })
          await assert.rejects(warehouse.insert(block), hasCode('SLUICE_WAREHOUSE_ROW'))
        }
      })

      await promise('gives a row back as it went in', async (own) => {
        const strange = 'Zoë 👩‍👩‍👧 \u202e \u0001 \\ " \' ` \t \r\n {x:String} ; --'
        const json = JSON.stringify({ strange, __proto__x: 1, big: 12345678901234567890n.toString(), n: 1e21 })
        const row = { ...aRow({ ...own, _offset: 2 ** 40, distinct_id: strange, _index: 65_535 }), [text]: json }
        await warehouse.insert(aBlock('strange', [row]))
        const [stored] = await opened.stored(`_partition = ${String(own._partition)}`)
        assert.deepEqual({ ...stored }, row)
      })

      await promise('holds times from 1900 to 2254', async (own) => {
        const rows = [timestampMinUs, -1, 0, timestampMaxUs].map((timestamp, offset) =>
          aRow({ ...own, _offset: offset, timestamp }),
        )
        await warehouse.insert(aBlock('times', rows))
        const stored = await opened.stored(`_partition = ${String(own._partition)}`)
        assert.deepEqual(
          stored.map((row) => row['timestamp']),
          [timestampMinUs, -1, 0, timestampMaxUs],
        )
      })

      await promise('takes a text of a megabyte, and chunks cut in the middle of a row', async (own) => {
        const json = JSON.stringify({ long: 'ä€😀'.repeat(120_000) })
        const rows = [{ ...aRow({ ...own, _offset: 1 }), [text]: json }, aRow({ ...own, _offset: 2 })]
        const bytes = ndjson(rows)
        const chunks = [bytes.subarray(0, 500_001), bytes.subarray(500_001, 500_002), bytes.subarray(500_002)]
        await warehouse.insert(aBlock('large', rows, { rows: chunks }))
        const stored = await opened.stored(`_partition = ${String(own._partition)}`)
        assert.equal(stored[0]?.[text], json)
        assert.equal(stored.length, 2)
      })

      await promise('keeps blocks apart that are inserted at once', async (own, range) => {
        const blocks = Array.from({ length: 8 }, (_, at) =>
          aBlock(`at-once-${String(at)}`, rowsAt([at * 2, at * 2 + 1], own)),
        )
        await Promise.all(blocks.map((block) => warehouse.insert(block)))
        assert.deepEqual(
          await offsetsOf(warehouse, range),
          Array.from({ length: 16 }, (_, at) => at),
        )
      })

      await promise('keeps a ledger line a range, with the hash that the table gives', async (own, range) => {
        const rows = [0, 1, 2].flatMap((index) => rowsAt([7, 8, 2 ** 33], { ...own, _index: index }))
        const ids = new IdSet()
        for (const row of rows) ids.add(row.uuid, row._offset, row._index)
        await warehouse.insert(aBlock('ledger', rows))
        const [line, ...others] = await warehouse.ledger(range)
        assert.deepEqual(others, [])
        assert.equal(line?.rowCount, 9)
        assert.equal(line.idSetHash, ids.hash)
        assert.equal(await opened.idSetHash(`_partition = ${String(own._partition)}`), ids.hash)
        assert.deepEqual([line.fromOffset, line.toOffset, line.month, line.token], [7, 2 ** 33 + 1, 202603, 'ledger'])
      })

      await promise('looks only at the times of acceptance that are asked for', async (own, range) => {
        await warehouse.insert(aBlock('accepted', rowsAt([1], own)))
        assert.deepEqual(await offsetsOf(warehouse, { ...range, acceptedFromMs: acceptedMs + 1 }), [])
        assert.deepEqual(await offsetsOf(warehouse, { ...range, acceptedToMs: acceptedMs - 1 }), [])
        assert.deepEqual(
          await offsetsOf(warehouse, { ...range, acceptedFromMs: acceptedMs, acceptedToMs: acceptedMs }),
          [1],
        )
      })

      await promise('knows rows and tokens again after it was closed', async (own, range) => {
        const block = aBlock('reopened', rowsAt([1, 2, 3], own))
        await warehouse.insert(block)
        const before = await warehouse.size()
        opened = await opened.reopen()
        const again = opened
        await again.warehouse.insert(block)
        assert.deepEqual(await offsetsOf(again.warehouse, range), [1, 2, 3])
        // Merges may take old versions away meanwhile; nothing may have come.
        assert.ok((await again.warehouse.size()).rows <= before.rows)
        await again.warehouse.close()
        await again.warehouse.close()
        await assert.rejects(again.warehouse.insert(block), hasCode('SLUICE_WAREHOUSE_CLOSED'))
      })
      await opened.remove()
    })
  })
}

/** What the table of events promises beside that. */
export function describeWarehouse(name: string, open: () => Promise<OpenWarehouse>): void {
  describeTable(name, 'events', open)

  describe(`${name} as a warehouse`, () => {
    it('keeps its promises about property columns and maintenance', async (t) => {
      const opened = await open()
      const { warehouse } = opened
      const promise = promises(t)

      await promise('gives a property one column, and none beyond the most it may have', async () => {
        assert.equal(await warehouse.addPropertyColumn('plan'), 'added')
        assert.equal(await warehouse.addPropertyColumn('plan'), 'there')
        const added: string[] = []
        for (let at = 0; at < 40; at++) added.push(await warehouse.addPropertyColumn(`it's "\\${String(at)}" \n 😀`))
        assert.equal(added[0], 'added')
        assert.equal(added.at(-1), 'full')
        assert.equal(await warehouse.addPropertyColumn('plan'), 'there')
      })

      await promise('takes blocks and shows the same rows while and after it is maintained', async (own, range) => {
        await warehouse.insert(aBlock('maintained-a', rowsAt([1, 2], own)))
        const maintained = warehouse.maintain()
        await warehouse.insert(aBlock('maintained-b', rowsAt([3], own)))
        await maintained
        for (let piece = await warehouse.maintain(); piece.kind === 'merged';) piece = await warehouse.maintain()
        assert.deepEqual(await offsetsOf(warehouse, range), [1, 2, 3])
      })
      await opened.remove()
    })
  })
}

/** Tests with a partition of their own each. */
function promises(t: TestContext) {
  let partition = 100
  return (title: string, check: (own: { _partition: number }, range: RowRange) => Promise<void>) =>
    t.test(title, async () => {
      partition += 1
      await check({ _partition: partition }, wholeRange(partition))
    })
}

function wholeRange(partition: number): RowRange {
  const dayMs = 86_400_000
  return {
    partition,
    fromOffset: 0,
    toOffset: 100_000,
    acceptedFromMs: acceptedMs - dayMs,
    acceptedToMs: acceptedMs + dayMs,
  }
}

async function offsetsOf(warehouse: WarehouseTable, range: RowRange): Promise<number[]> {
  const rows: PresentRow[] = []
  for await (const page of warehouse.present(range)) rows.push(...page)
  return rows.map((row) => row.offset)
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => {
    assert.equal(codeOf(error), code)
    return true
  }
}
