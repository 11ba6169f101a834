import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { aCluster } from '../harness/cluster.ts'
import { clusterSkip } from '../harness/cluster-settings.ts'
import { seededChance } from '../harness/seed.ts'
import { drill, drillTimeoutMs } from './drill.ts'

const chance = seededChance()

describe('a cluster whose Redis is killed again and again', { skip: clusterSkip() }, () => {
  for (const whenAway of ['open', 'closed']) {
    it(`has every event once, with the door ${whenAway} meanwhile`, { timeout: drillTimeoutMs }, async (test) => {
      const settings = { SLUICE_REDIS_WHEN_AWAY: whenAway }
      const cluster = await aCluster(test, { edges: 2, cores: 2, own: ['redis'], settings })
      await drill(cluster, {
        chance,
        rounds: 4,
        isNoticed: whenAway === 'closed',
        async fault() {
          await cluster.services.kill('redis')
          await sleep(chance.between(0, 3_000))
          await cluster.services.start('redis')
        },
      })
    })
  }
})

describe('a cluster whose Redis forgets everything again and again', { skip: clusterSkip() }, () => {
  it('has every event once, also those that are sent again', { timeout: drillTimeoutMs }, async (test) => {
    const cluster = await aCluster(test, { edges: 2, cores: 2, own: ['redis'] })
    const redis = new Redis(cluster.services.environment()['REDIS_URL'] ?? '')
    test.after(() => redis.disconnect())
    await drill(cluster, {
      chance,
      rounds: 8,
      isNoticed: false,
      async fault() {
        await redis.flushall()
      },
    })
  })
})
