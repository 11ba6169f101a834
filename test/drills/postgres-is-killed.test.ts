import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aCluster } from '../harness/cluster.ts'
import { clusterSkip } from '../harness/cluster-settings.ts'
import { seededChance } from '../harness/seed.ts'
import { drill, drillTimeoutMs } from './drill.ts'

const chance = seededChance()

describe('a cluster whose Postgres is killed again and again', { skip: clusterSkip() }, () => {
  it('has every event once, and takes all of them meanwhile', { timeout: drillTimeoutMs }, async (test) => {
    const cluster = await aCluster(test, { edges: 2, cores: 2, own: ['postgres'] })
    await drill(cluster, {
      chance,
      rounds: 4,
      isNoticed: false,
      async fault() {
        await cluster.services.kill('postgres')
        await sleep(chance.between(0, 3_000))
        await cluster.services.start('postgres')
      },
    })
  })
})
