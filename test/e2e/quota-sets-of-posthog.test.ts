/** What PostHog's billing writes into Redis is obeyed at the door, in PostHog's words, and let go again. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { Redis } from 'ioredis'
import { service } from '../../src/kit/service.fixtures.ts'
import { clusterSettings, clusterSkip } from '../harness/cluster-settings.ts'
import { aRunningSluice } from '../harness/installation.ts'

const okBody = '{"status":"Ok"}'
const setOf = (resource: string): string => `@posthog/quota-limits/${resource}`

describe("a token in PostHog's quota sets", { skip: clusterSkip() }, () => {
  it('has what belongs to the resource told as limited, and nothing else, for as long as it is in the set', async (test) => {
    const sluice = await aRunningSluice(test, await clusterSettings(test))
    const redis = new Redis(service('REDIS_URL').address)
    test.after(async () => {
      await redis.zrem(setOf('events'), sluice.token)
      await redis.zrem(setOf('exceptions'), sluice.token)
      redis.disconnect()
    })
    /** As posthog-node sends it. */
    const send = async (...names: readonly string[]) => {
      const batch = names.map((event) => ({
        type: 'capture',
        library: 'posthog-node',
        event,
        distinct_id: 'someone',
        uuid: randomUUID(),
        timestamp: new Date().toISOString(),
        properties: { $lib: 'posthog-node' },
      }))
      const { status, headers, text } = await sluice.send('/batch/', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'user-agent': 'posthog-node/5.0.0' },
        body: JSON.stringify({ api_key: sluice.token, batch, sent_at: new Date().toISOString() }),
      })
      assert.equal(status, 200, text)
      return { text, verdicts: String(headers['sluice-verdicts']) }
    }
    assert.deepEqual(await send('clicked', '$exception'), { text: okBody, verdicts: 'stored=2' })

    await redis.zadd(setOf('events'), Math.floor(Date.now() / 1000) + 3600, sluice.token)
    await sluice.until('the set holding', async () => (await send('clicked')).verdicts === 'stored=0, quota_limited=1')
    assert.deepEqual(await send('clicked', 'bought'), {
      text: '{"status":"Ok","quota_limited":["events"]}',
      verdicts: 'stored=0, quota_limited=2',
    })
    // Some are kept: nothing is said to SDKs, which would send no exceptions either.
    assert.deepEqual(await send('clicked', '$exception'), { text: okBody, verdicts: 'stored=1, quota_limited=1' })

    await redis.zadd(setOf('exceptions'), Math.floor(Date.now() / 1000) + 3600, sluice.token)
    await redis.zrem(setOf('events'), sluice.token)
    await sluice.until('the set being left', async () => (await send('clicked')).verdicts === 'stored=1')
    await sluice.until(
      'the other set holding',
      async () => (await send('$exception')).verdicts === 'stored=0, quota_limited=1',
    )
    const { books } = await sluice.status()
    assert.deepEqual(books['imbalances'], [])
  })
})
