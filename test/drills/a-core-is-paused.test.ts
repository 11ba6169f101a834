import { describe, it } from 'node:test'
import { aCluster } from '../harness/cluster.ts'
import type { Cluster } from '../harness/cluster.ts'
import { clusterSkip } from '../harness/cluster-settings.ts'
import type { Installation } from '../harness/installation.ts'
import type { Load } from '../harness/load.ts'
import { seededChance } from '../harness/seed.ts'
import { drill, drillTimeoutMs } from './drill.ts'

const chance = seededChance()

describe(
  'a cluster of which a core is paused until another has its partitions, and then goes on',
  { skip: clusterSkip() },
  () => {
    it(
      'has every event once: what the paused one still writes has no effect',
      { timeout: drillTimeoutMs },
      async (test) => {
        const cluster = await aCluster(test, { edges: 2, cores: 2, own: ['kafka'] })
        await drill(cluster, {
          chance,
          rounds: 2,
          isNoticed: false,
          async fault(round, load) {
            const goOn = cluster.core(round).pause()
            try {
              await load.more(300)
              // Of all partitions, so also of those that the paused one had.
              await othersHaveTakenOver(cluster, cluster.edge(round + 1), load)
            } finally {
              goOn()
            }
          },
        })
      },
    )
  },
)

/** Of a partition; they come in order. */
const newest = 20

/** What was acknowledged last in each partition is answered at an edge whose core works. */
async function othersHaveTakenOver(cluster: Cluster, edge: Installation, load: Load): Promise<void> {
  const acknowledged = [...load.ledger.entries.values()].filter(({ fate }) => fate === 'obligation')
  const byPartition = Map.groupBy(acknowledged, ({ place }) => place?.partition)
  const uuids = [...byPartition.values()].flatMap((entries) => entries.slice(-newest).map(({ event }) => event.uuid))
  await cluster.until('rows of all partitions', async () => {
    const { rows } = await edge.ask('SELECT count() FROM events WHERE uuid IN {uuids:Array(UUID)}', { uuids })
    return Number(rows[0]?.[0]) === uuids.length
  })
}
