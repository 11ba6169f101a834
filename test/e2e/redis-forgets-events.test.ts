/**
 * Redis loses what the door knew of events. Copies of them are accepted once more and become no rows: the owner of their partition
 * finds them in the log, also one that has only just taken it over.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { openRedisConnection } from '../../src/stores/coordination/redis/redis-connection.ts'
import { forgetAll } from '../../src/stores/intake/cluster/forget.fixtures.ts'
import { clusterSettings, clusterSkip } from '../harness/cluster-settings.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'

interface Ingested {
  readonly in: number
  readonly out: number
  readonly dropped: number
  readonly setAside: readonly unknown[]
}

describe('copies that come after Redis has forgotten their events', { skip: clusterSkip() }, () => {
  it('become no rows, are counted as duplicates, and can be explained', async (test) => {
    const settings = await clusterSettings(test)
    const sluice = await aRunningSluice(test, settings)
    const { REDIS_URL: url = '', SLUICE_REDIS_KEY_PREFIX: keyPrefix = '' } = settings
    const events = Array.from({ length: 60 }, (_, n) => ({
      event: 'clicked',
      distinct_id: `user ${String(n % 10)}`,
      uuid: randomUUID(),
      properties: { n },
    }))
    const send = async (): Promise<ReadonlySet<string>> => {
      const { status, text } = await sluice.capture(events, '?receipts=1')
      assert.equal(status, 200, text)
      const { receipts } = JSON.parse(text) as { readonly receipts: readonly { readonly verdict: string }[] }
      return new Set(receipts.map(({ verdict }) => verdict))
    }
    assert.deepEqual(await send(), new Set(['stored']))
    assert.deepEqual(await send(), new Set(['duplicate']))
    await sluice.settled()
    await forgetAll(openRedisConnection({ url, name: 'test', keyPrefix }), keyPrefix)
    assert.deepEqual(await send(), new Set(['stored']))
    await sluice.settled()

    await sluice.kill('core')
    await forgetAll(openRedisConnection({ url, name: 'test', keyPrefix }), keyPrefix)
    assert.deepEqual(await send(), new Set(['stored']))
    await sluice.ready()
    await sluice.settled()

    assert.deepEqual((await sluice.ask('SELECT count(), uniqExact(uuid) FROM events')).rows[0]?.map(Number), [60, 60])
    const { books } = await sluice.status()
    assert.deepEqual(books['imbalances'], [])
    const { in: taken, out, dropped, setAside } = books['ingestion'] as Ingested
    assert.deepEqual({ taken, out, dropped }, { taken: 180, out: 60, dropped: 120 })
    assert.deepEqual(setAside, [{ kind: 'dropped', step: 'duplicate', reason: 'duplicate', count: 120 }])
    await assertVerified(sluice, 180)
    const { code, out: explained } = await sluice.run(['explain', events[7]?.uuid ?? ''])
    assert.equal(code, 0)
    assert.match(explained, /duplicate/)
  })
})
