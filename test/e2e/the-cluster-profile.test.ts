/** The same stages on Kafka, Redis, Postgres and ClickHouse: what was acknowledged is a row, once, also over deaths of processes. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { clusterSettings, clusterSkip } from '../harness/cluster-settings.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'

describe('an installation on Kafka, Redis, Postgres and ClickHouse', { skip: clusterSkip() }, () => {
  it('stores each event once, over a copy, deaths of the edge and of the core, and a restart', async (test) => {
    const sluice = await aRunningSluice(test, await clusterSettings(test))
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
})
