import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { until } from '../../kit/until.fixtures.ts'
import { createCanaries } from './canaries.ts'
import type { CanariesOptions, CanaryEvent } from './canaries.ts'

const distinctIds = ['a', 'b', 'c']

/** Canaries over a table in memory, with what happens on the way. */
async function flying(
  own: Partial<CanariesOptions>,
  check: (canaries: ReturnType<typeof createCanaries>) => Promise<void>,
) {
  const table = new Set<string>()
  const canaries = createCanaries({
    send: (events) => {
      for (const { uuid } of events) table.add(uuid)
      return Promise.resolve()
    },
    seen: (uuids) => Promise.resolve(uuids.filter((uuid) => table.has(uuid)).length),
    distinctIds,
    intervalMs: 1,
    timeoutMs: 0,
    telemetry: silent,
    ...own,
  })
  const stop = new AbortController()
  const running = canaries.run(stop.signal)
  try {
    await check(canaries)
  } finally {
    stop.abort()
    await running
  }
}

describe('canaries', () => {
  it('have nothing to say before the first came through', () => {
    const options = { send: () => Promise.resolve(), seen: () => Promise.resolve(0), telemetry: silent }
    const canaries = createCanaries({ ...options, distinctIds, intervalMs: 1, timeoutMs: 1 })
    assert.deepEqual(canaries.state(), { arrivedAtMs: undefined, durationMs: undefined, failure: undefined })
  })

  it('send one event for each partition, with a uuid of its own each time', async () => {
    const sent: CanaryEvent[][] = []
    await flying(
      {
        send: (events) => {
          sent.push([...events])
          return Promise.resolve()
        },
      },
      () => until('two flights began', () => sent.length >= 2),
    )
    for (const events of sent) {
      assert.deepEqual(
        events.map(({ distinct_id }) => distinct_id),
        distinctIds,
      )
    }
    const uuids = sent.flat().map(({ uuid }) => uuid)
    assert.equal(new Set(uuids).size, uuids.length)
  })

  it('say when they came through and how long it took', async () => {
    const before = Date.now()
    await flying({}, async (canaries) => {
      await until('they came through', () => canaries.state().arrivedAtMs !== undefined)
      const { arrivedAtMs, durationMs, failure } = canaries.state()
      assert.ok((arrivedAtMs ?? 0) >= before && (durationMs ?? -1) >= 0)
      assert.equal(failure, undefined)
    })
  })

  it('say why they did not, keep when they last did, and recover by themselves', async () => {
    let trouble: 'none' | 'door' | 'table' = 'none'
    const table = new Set<string>()
    const own: Partial<CanariesOptions> = {
      send(events) {
        if (trouble === 'door') return Promise.reject(new Error('the door is closed'))
        for (const { uuid } of events.slice(trouble === 'table' ? 1 : 0)) table.add(uuid)
        return Promise.resolve()
      },
      seen: (uuids) => Promise.resolve(uuids.filter((uuid) => table.has(uuid)).length),
    }
    await flying(own, async (canaries) => {
      const state = () => canaries.state()
      await until('they came through', () => state().arrivedAtMs !== undefined)
      trouble = 'door'
      await until('the door is closed', () => state().failure === 'the door is closed')
      assert.ok(state().arrivedAtMs !== undefined)
      trouble = 'table'
      await until('one is missing', () => state().failure === '1 of 3 were not in the table in time')
      trouble = 'none'
      await until('they came through again', () => state().failure === undefined)
    })
  })

  it('end when they are told to while they wait', async () => {
    await flying({ seen: () => Promise.resolve(0), timeoutMs: 3_600_000 }, () => Promise.resolve())
  })
})
