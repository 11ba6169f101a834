import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { createMemoryTable, openMemoryWarehouse } from '../../stores/warehouse/memory/memory-warehouse.ts'
import { createColumnPolicy } from './property-columns.ts'

describe('the properties that get columns', () => {
  it('are those of slow questions, each once', async () => {
    const { policy, table } = policyOn()
    policy.noteSlow(['quick'], 1000)
    policy.noteSlow(['plan', 'size'], 1001)
    policy.noteSlow(['plan'], 5000)
    await policy.settled()
    assert.deepEqual([...table.properties], ['plan', 'size'])
  })

  it('are asked for again by the next process, and given once', async () => {
    const { policy, table } = policyOn()
    policy.noteSlow(['plan'], 2000)
    await policy.settled()
    const next = policyOn(table)
    next.policy.noteSlow(['plan', 'size'], 2000)
    await next.policy.settled()
    assert.deepEqual([...table.properties], ['plan', 'size'])
  })

  it('are no more than the table takes, however many are slow', async () => {
    const { policy, table } = policyOn()
    for (let at = 0; at < 50; at++) {
      policy.noteSlow([`p${String(at)}`], 2000)
      await policy.settled()
    }
    assert.equal(table.properties.size, 32)
    policy.noteSlow(['more'], 2000)
    await policy.settled()
    assert.equal(table.properties.size, 32)
  })

  it('wait in a queue with an end', async () => {
    const { policy, table } = policyOn()
    const many = Array.from({ length: 30 }, (_, at) => `p${String(at)}`)
    policy.noteSlow(many, 2000)
    await policy.settled()
    assert.deepEqual([...table.properties], many.slice(0, 10))
  })

  it('are tried again by the next slow question when the warehouse fails', async () => {
    let fails = true
    const { policy, table } = policyOn(createMemoryTable(), () => {
      if (fails) throw new Failure('SLUICE_WAREHOUSE_READ', 'not now', { retryable: true })
    })
    policy.noteSlow(['plan'], 2000)
    await policy.settled()
    assert.equal(table.properties.size, 0)
    fails = false
    policy.noteSlow(['plan'], 2000)
    await policy.settled()
    assert.deepEqual([...table.properties], ['plan'])
  })
})

function policyOn(table = createMemoryTable(), before: () => void = () => undefined) {
  const warehouse = openMemoryWarehouse(table)
  const policy = createColumnPolicy({
    warehouse: {
      async addPropertyColumn(property) {
        before()
        return await warehouse.addPropertyColumn(property)
      },
    },
    telemetry: silent,
    slowMs: 1000,
  })
  return { policy, table }
}
