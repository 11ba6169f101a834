import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { derivedBatchRows } from '../../event/derived-batch.ts'
import { RowLines } from '../../stores/warehouse/row-lines.ts'
import { aDerivedBatch } from './live.fixtures.ts'
import { ReplayRing } from './replay-ring.ts'

describe('the ring of newest rows', () => {
  it('keeps the newest rows within its limits, and each under its number', () => {
    const page = fc.array(fc.record({ own: fc.boolean(), length: fc.nat({ max: 2000 }) }), { maxLength: 20 })
    fc.assert(
      fc.property(fc.array(page, { maxLength: 30 }), (pages) => {
        const limits = { rowsMax: 50, bytesMax: 20_000 }
        const ring = new ReplayRing()
        const added: string[] = []
        for (const [at, rows] of pages.entries()) {
          const events = rows.map(({ own, length }, n) => ({
            event: `${String(at)}-${String(n)}`,
            project: own ? 1 : 2,
            properties: { text: 'x'.repeat(length) },
          }))
          const lines = new RowLines(derivedBatchRows(aDerivedBatch(events).value))
          while (lines.next()) {
            if (lines.teamId !== 1) continue
            added.push(lines.event)
            assert.equal(ring.add(lines), added.length)
          }
          ring.seal(limits)
          assert.ok(ring.bytes <= limits.bytesMax)
        }
        const kept: string[] = []
        ring.after(0, (lines, number) => {
          assert.equal(lines.event, added[number - 1])
          kept.push(lines.event)
        })
        assert.ok(kept.length <= limits.rowsMax)
        assert.deepEqual(kept, added.slice(ring.first - 1))
        assert.equal(ring.last, added.length)
        const newest: number[] = []
        ring.after(added.length - 3, (_, number) => newest.push(number))
        assert.deepEqual(
          newest,
          [3, 2, 1].map((n) => added.length - n + 1).filter((n) => n >= ring.first),
        )
      }),
    )
  })
})
