/** While Redis is away the door goes on or stays shut, as it is set, and whoever looks is told. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { openTestRedis, redisServerSkip } from '../../src/stores/coordination/redis/redis-server.fixtures.ts'
import { clusterSettings, clusterSkip } from '../harness/cluster-settings.ts'
import { aRunningSluice } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'

interface Ready {
  readonly edge: { readonly healthy: boolean; readonly trouble?: readonly string[] }
}

const anEvent = () => [{ event: 'clicked', distinct_id: 'someone', uuid: randomUUID() }]

async function readyOf(sluice: Installation): Promise<{ readonly status: number } & Ready['edge']> {
  const { status, text } = await sluice.send('/_ready')
  return { status, ...(JSON.parse(text) as Ready).edge }
}

async function problemsOf(sluice: Installation): Promise<readonly string[]> {
  const headers = { authorization: `Bearer ${sluice.personalKey}` }
  const { status, text } = await sluice.send('/api/pipeline', { headers })
  assert.equal(status, 200, text)
  return (JSON.parse(text) as { readonly problems: readonly string[] }).problems
}

describe('a door whose Redis is away', { skip: clusterSkip() === false ? redisServerSkip() : clusterSkip() }, () => {
  it('is told about in health, in status and with the pipeline, until Redis is back', async (test) => {
    const redis = await openTestRedis()
    test.after(() => redis.close())
    const settings = await clusterSettings(test, { REDIS_URL: redis.url })
    const sluice = await aRunningSluice(test, settings)
    assert.equal((await sluice.capture(anEvent())).headers['sluice-verdicts'], 'stored=1')
    assert.deepEqual(await problemsOf(sluice), [])

    await redis.kill()
    await sluice.until('the edge saying so', async () => (await readyOf(sluice)).trouble !== undefined)
    const { headers } = await sluice.capture(anEvent())
    assert.equal(headers['sluice-verdicts'], 'stored=1')
    const { healthy, trouble = [] } = await readyOf(sluice)
    assert.equal(healthy, true)
    assert.match(trouble.join('\n'), /^Redis has been away since .* without a look at copies and limits/)
    assert.match((await problemsOf(sluice)).join('\n'), /^Redis has been away since /m)
    const { out } = await sluice.run(['status'])
    assert.match(out, /^Redis has been away since /m)

    await redis.start()
    await sluice.until('all being well', async () => (await problemsOf(sluice)).length === 0)
    assert.equal((await readyOf(sluice)).trouble, undefined)
  })

  it('answers 503 where it is to be shut, and is not ready', async (test) => {
    const redis = await openTestRedis()
    test.after(() => redis.close())
    const shared = { ...(await clusterSettings(test, { REDIS_URL: redis.url })), SLUICE_REDIS_WHEN_AWAY: 'closed' }
    const sluice = await aRunningSluice(test, shared)
    await redis.kill()
    await sluice.until('the edge saying so', async () => (await readyOf(sluice)).trouble !== undefined)
    assert.equal((await sluice.capture(anEvent())).status, 503)
    const { status, healthy } = await readyOf(sluice)
    assert.deepEqual([status, healthy], [503, false])
    await redis.start()
    await sluice.until('an event entering', async () => (await sluice.capture(anEvent())).status === 200)
  })
})
