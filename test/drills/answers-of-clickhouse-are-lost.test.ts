import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { aCluster } from '../harness/cluster.ts'
import { clusterSkip } from '../harness/cluster-settings.ts'
import { seededChance } from '../harness/seed.ts'
import { openSwallowingProxy } from '../harness/swallowing-proxy.ts'
import type { SwallowingProxy } from '../harness/swallowing-proxy.ts'
import { drill, drillTimeoutMs } from './drill.ts'

const chance = seededChance()

describe('a cluster behind whose inserts ClickHouse falls silent again and again', { skip: clusterSkip() }, () => {
  it('has every event once', { timeout: drillTimeoutMs }, async (test) => {
    let proxy: SwallowingProxy | undefined
    const cluster = await aCluster(test, {
      edges: 2,
      cores: 2,
      async clickhouseThrough(url) {
        proxy = await openSwallowingProxy(url)
        test.after(() => proxy?.close())
        return proxy.url
      },
    })
    const between = proxy ?? assert.fail('nothing stands between')
    let swallowed = 0
    await drill(cluster, {
      chance,
      rounds: 6,
      isNoticed: false,
      async fault() {
        const count = chance.between(1, 3)
        between.swallow(count)
        swallowed += count
        await cluster.until('swallowed answers', () => between.swallowed >= swallowed)
      },
    })
  })
})
