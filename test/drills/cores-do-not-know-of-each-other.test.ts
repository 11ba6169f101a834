import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { aCluster } from '../harness/cluster.ts'
import { clusterSkip } from '../harness/cluster-settings.ts'
import { seededChance } from '../harness/seed.ts'
import { drill, drillTimeoutMs } from './drill.ts'

const chance = seededChance()
/** Brokers are shared with other tests. */
const ours = `sluice_test_${randomUUID()}`
const fenced = 'Somebody newer works on a partition of ours: waiting for another assignment.'

describe(
  'a cluster whose cores do not know of each other, so that each is assigned everything',
  { skip: clusterSkip() },
  () => {
    it(
      'has every event once: they take the partitions from each other in turns',
      { timeout: drillTimeoutMs },
      async (test) => {
        const settingsOfCore = (number: number) => ({ SLUICE_KAFKA_GROUP_ID: `${ours}-${String(number)}` })
        const cluster = await aCluster(test, { edges: 2, cores: 2, settingsOfCore })
        await drill(cluster, {
          chance,
          rounds: 2,
          isNoticed: false,
          async fault() {
            const times = cluster.cores.map((core) => core.logged(fenced).length)
            await cluster.until('each having been fenced once more', () =>
              cluster.cores.every((core, number) => core.logged(fenced).length > (times[number] ?? 0)),
            )
          },
        })
      },
    )
  },
)
