import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aCluster } from '../harness/cluster.ts'
import { clusterSkip } from '../harness/cluster-settings.ts'
import { seededChance } from '../harness/seed.ts'
import { drill, drillTimeoutMs } from './drill.ts'

const chance = seededChance()

describe('a cluster of which edges and cores are killed again and again', { skip: clusterSkip() }, () => {
  it(
    'has every event once, be it a process that dies or all of a machine',
    { timeout: drillTimeoutMs },
    async (test) => {
      const cluster = await aCluster(test, { edges: 2, cores: 2 })
      await drill(cluster, {
        chance,
        rounds: 8,
        isNoticed: true,
        async fault(round) {
          const victim = chance.oneOf(round % 2 === 0 ? cluster.edges : cluster.cores)
          if (chance.next() < 0.5) {
            await victim.kill(cluster.edges.includes(victim) ? 'edge' : 'core')
            return
          }
          await victim.killAll()
          await sleep(chance.between(0, 2_000))
          await victim.start()
        },
      })
    },
  )
})
