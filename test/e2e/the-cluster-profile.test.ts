/** The same stages on Kafka, Redis, Postgres and ClickHouse: what was acknowledged is a row, once, also over deaths of processes. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { freePort } from '../../src/kit/free-port.fixtures.ts'
import { aRunningSluice } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'
import { cluster } from '../harness/profiles.ts'

interface Receipt {
  readonly verdict: string
  readonly position?: string
}

describe('an installation on Kafka, Redis, Postgres and ClickHouse', { skip: cluster.skip }, () => {
  it('stores each event once, over a copy, deaths of the edge and of the core, and a restart', async (test) => {
    const sluice = await aRunningSluice(test, {}, cluster)
    const events = Array.from({ length: 300 }, (_, n) => ({
      event: 'clicked',
      distinct_id: `user ${String(n % 20)}`,
      uuid: randomUUID(),
      properties: { n },
    }))
    for (let at = 0; at < events.length; at += 50) {
      const { status, text } = await sluice.capture(events.slice(at, at + 50))
      assert.equal(status, 200, text)
      if (at === 100) await sluice.kill('core')
      if (at === 200) {
        await sluice.kill('edge')
        await sluice.roleReady('edge')
      }
    }
    const copy = await sluice.capture(events.slice(0, 50), '?receipts=1')
    const { receipts } = JSON.parse(copy.text) as { readonly receipts: readonly { readonly verdict: string }[] }
    assert.deepEqual(new Set(receipts.map(({ verdict }) => verdict)), new Set(['duplicate']))
    await sluice.ready()
    await sluice.settled()
    const count = 'SELECT count(), uniqExact(uuid) FROM events'
    assert.deepEqual((await sluice.ask(count)).rows[0]?.map(Number), [300, 300])
    await assertVerified(sluice, 300)

    assert.equal(await sluice.stop(), 0)
    await sluice.start()
    await sluice.settled()
    assert.deepEqual((await sluice.ask(count)).rows[0]?.map(Number), [300, 300])
    const { books } = await sluice.status()
    assert.deepEqual(books['imbalances'], [])
  })

  it('takes events at an edge of another machine, which knows the copies of the first and passes questions on', async (test) => {
    const engines = await cluster.engines(test)
    const address = `127.0.0.1:${String(await freePort())}`
    const first = await aRunningSluice(engines, { ...engines.settings, SLUICE_CORE_LISTEN: address })
    const second = await aRunningSluice(engines, {
      ...engines.settings,
      SLUICE_ROLES: 'edge',
      SLUICE_CORE_ADDRESS: address,
    })
    const events = Array.from({ length: 40 }, (_, n) => ({
      event: 'clicked',
      distinct_id: `user ${String(n % 4)}`,
      uuid: randomUUID(),
      properties: { n },
    }))
    const sendTo = async (edge: Installation, batch: readonly object[]): Promise<readonly Receipt[]> => {
      const { status, text } = await edge.send('/batch/?receipts=1', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ api_key: first.token, batch }),
      })
      assert.equal(status, 200, text)
      return (JSON.parse(text) as { readonly receipts: readonly Receipt[] }).receipts
    }
    // Each user's events in turns through both.
    const places = new Map<string, { readonly partition: string; readonly offset: number }>()
    for (const [at, event] of events.entries()) {
      const [receipt] = await sendTo(at % 8 < 4 ? first : second, [event])
      assert.equal(receipt?.verdict, 'stored')
      const [partition = '', offset = ''] = (receipt.position ?? '').split('@')
      const before = places.get(event.distinct_id)
      if (before !== undefined) {
        assert.equal(partition, before.partition)
        assert.ok(Number(offset) > before.offset)
      }
      places.set(event.distinct_id, { partition, offset: Number(offset) })
    }
    const copies = await sendTo(second, events)
    assert.deepEqual(new Set(copies.map(({ verdict }) => verdict)), new Set(['duplicate']))
    await first.settled()
    const { text } = await second.send('/api/projects', { headers: { authorization: `Bearer ${first.personalKey}` } })
    assert.match(text, /"projects"/)
    assert.equal((await second.send('/_ready')).status, 200)
    await assertVerified(first, events.length)
  })
})
