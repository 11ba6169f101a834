import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { describeCoordination } from '../coordination.contract.ts'
import { CoordinationMemory, openMemoryCoordination } from './memory-coordination.ts'

describeCoordination('memory', async () => {
  const memory = new CoordinationMemory()
  return {
    open: (bounds) => openMemoryCoordination({ memory, ...(bounds === undefined ? {} : { bounds }) }),
    forget: async () => memory.forget(),
    close: async () => undefined,
  }
})

describe('the memory within a process', () => {
  it('keeps so many keys as are allowed, and makes room of what is expired', async () => {
    const coordination = openMemoryCoordination({ memory: new CoordinationMemory({ keysMax: 2 }) })
    await coordination.keyValue.set('a', '1', 1)
    await coordination.keyValue.set('b', '1')
    const expiredMs = performance.now() + 1
    while (performance.now() <= expiredMs) await new Promise(setImmediate)
    await coordination.keyValue.set('c', '1')
    await assert.rejects(coordination.keyValue.set('d', '1'), { code: 'SLUICE_COORDINATION_FULL', retryable: true })
    await coordination.keyValue.set('c', '2')
    assert.equal(await coordination.keyValue.get('c'), '2')
    await coordination.close()
  })
})
