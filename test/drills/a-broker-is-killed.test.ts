import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aCluster } from '../harness/cluster.ts'
import { clusterSkip } from '../harness/cluster-settings.ts'
import { seededChance } from '../harness/seed.ts'
import { drill, drillTimeoutMs } from './drill.ts'

const chance = seededChance()
const brokers = ['kafka3-1', 'kafka3-2', 'kafka3-3']

describe('a cluster of which a broker is killed again and again', { skip: clusterSkip() }, () => {
  it(
    'has every event once, with three brokers of which each dies in turn',
    { timeout: drillTimeoutMs },
    async (test) => {
      const cluster = await aCluster(test, { edges: 2, cores: 2, own: ['kafka3'] })
      await drill(cluster, {
        chance,
        rounds: 3,
        // Others lead after a moment, and those who sent to the dead one send again: nobody need notice.
        isNoticed: false,
        async fault(round) {
          const victim = brokers[round % brokers.length] ?? ''
          await cluster.services.kill(victim)
          await sleep(chance.between(0, 4_000))
          await cluster.services.start(victim)
        },
      })
    },
  )

  it(
    'has every event once, with a single broker, whose receipts say buffered',
    { timeout: drillTimeoutMs },
    async (test) => {
      const cluster = await aCluster(test, { edges: 2, cores: 2, own: ['kafka'] })
      await drill(cluster, {
        chance,
        rounds: 3,
        isNoticed: false,
        async fault() {
          await cluster.services.kill('kafka')
          await sleep(chance.between(0, 2_000))
          await cluster.services.start('kafka')
        },
      })
    },
  )
})
