import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RowLines, rowText } from './row-lines.ts'
import { neverExpires } from './warehouse-row.ts'
import type { WarehouseRow } from './warehouse-row.ts'

/** Texts that look like what lies between two keys. */
const trap = '","team_id":7,"distinct_id":"x","created_at":1,"properties":"{\\"timestamp\\":1'
const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constant(trap), fc.constant('größer 😀 \\"'))

const rows = fc.array(
  fc.record({ event: texts, distinctId: texts, property: texts, teamId: fc.nat({ max: 2 ** 40 }) }),
  { maxLength: 5 },
)

function aRow(own: { event: string; distinctId: string; property: string; teamId: number }): WarehouseRow {
  return {
    uuid: '0198c2d4-0000-7000-8000-000000000001',
    event: own.event,
    properties: JSON.stringify({ [own.property]: own.property, nested: { team_id: 9, timestamp: own.property } }),
    timestamp: 1_773_144_000_000_000,
    team_id: own.teamId,
    distinct_id: own.distinctId,
    created_at: 1,
    accepted_at: 2,
    expires_at: neverExpires,
    version: 2,
    _incarnation: 1,
    _partition: 3,
    _offset: 4,
    _index: 0,
  }
}

describe('row lines', () => {
  it('say of each row what a parse would say, whatever the texts look like', () => {
    fc.assert(
      fc.property(rows, (wanted) => {
        const lines = new RowLines(Buffer.from(wanted.map((one) => `${JSON.stringify(aRow(one))}\n`).join('')))
        for (const one of wanted) {
          assert.ok(lines.next())
          const parsed = JSON.parse(lines.text) as WarehouseRow
          assert.equal(parsed.team_id, one.teamId)
          assert.equal(lines.teamId, one.teamId)
          assert.equal(lines.event, rowText(parsed.event))
          assert.equal(lines.distinctId, rowText(parsed.distinct_id))
        }
        assert.equal(lines.next(), false)
      }),
    )
  })

  it('throw at a line that is something else', () => {
    assert.throws(() => new RowLines(Buffer.from('{"uuid":"a"}\n')).next(), /no row/)
  })
})
