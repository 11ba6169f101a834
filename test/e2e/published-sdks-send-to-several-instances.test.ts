import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aBalancer } from '../harness/balancer.ts'
import type { Balancer } from '../harness/balancer.ts'
import { aCluster } from '../harness/cluster.ts'
import type { Cluster } from '../harness/cluster.ts'
import { send } from '../harness/http-client.ts'
import type { Installation } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'
import { cluster as profile } from '../harness/profiles.ts'
import { seededChance } from '../harness/seed.ts'
import { sendWithNode, sendWithPython, skippedWithoutPython } from './published-sdks.ts'

const chance = seededChance()
const count = 5000

describe('two edges behind one address, and two cores', { skip: skippedWithoutPython() || profile.skip }, () => {
  it('have each event of the published SDKs once and in the order of its user', async (test) => {
    const cluster = await aCluster(test, { edges: 2, cores: 2 })
    const balancer = await aBalancer(test, cluster.urls)
    await cluster.until('each core having its share', () =>
      cluster.cores.every((core) => partitionsOf(core).length === 2),
    )
    await sendWithBoth(cluster, balancer, 2)
    await assertEachOnceInOrder(cluster)
    const [first = 0, second = 0] = balancer.answeredBy
    assert.ok(Math.min(first, second) > 10, 'both edges had their part')
  })

  it('have them also when each core and each edge is killed on the way', async (test) => {
    const cluster = await aCluster(test, { edges: 2, cores: 2 })
    const balancer = await aBalancer(test, cluster.urls)
    const sent = sendWithBoth(cluster, balancer, 10)
    for (const [instance, role] of [
      [cluster.core(0), 'core'],
      [cluster.edge(0), 'edge'],
      [cluster.core(1), 'core'],
      [cluster.edge(1), 'edge'],
    ] as const) {
      await sleep(chance.between(100, 700))
      await instance.kill(role)
      await instance.ready()
    }
    await sent
    await assertEachOnceInOrder(cluster)
  })
})

/** Of a core, by what it said last. */
function partitionsOf(core: Installation): readonly string[] {
  const last = core.logged('The partitions of this process have changed.').at(-1)
  return String(last?.fields['partitions'])
    .split(',')
    .filter((partition) => partition !== '')
}

async function sendWithBoth({ token }: Cluster, { url }: Balancer, seconds: number): Promise<void> {
  const sending = { count, seconds }
  // Each to its end, also when one fails: an SDK that goes on sending to nobody keeps the process alive.
  const sent = await Promise.allSettled([
    sendWithNode({ url, token }, sending),
    sendWithPython({ url, token }, sending),
  ])
  for (const one of sent) if (one.status === 'rejected') throw one.reason
}

/** In the table itself, where a question's FINAL hides nothing; `number` rises with each event that an SDK sends. */
async function assertEachOnceInOrder(cluster: Cluster): Promise<void> {
  await cluster.ready()
  await cluster.settled()
  const { url, database } = cluster.clickhouse ?? assert.fail()
  const body = `SELECT event, toUInt32(count()), toUInt32(uniqExact(uuid)), toUInt32(uniqExact(number)), toUInt32(uniqExact(distinct_id)),
    toUInt32(countIf(number <= before)), toUInt32(uniqExact(partition))
    FROM (
      SELECT event, uuid, distinct_id, _partition AS partition, JSONExtractInt(properties, 'number') AS number,
        lagInFrame(number, 1, -1) OVER (PARTITION BY event, distinct_id ORDER BY _partition, _offset, _index) AS before
      FROM ${database}.events WHERE event LIKE 'from %'
    ) GROUP BY event ORDER BY event FORMAT JSONCompactEachRow`
  const { status, text } = await send(url, { method: 'POST', body })
  assert.equal(status, 200, text)
  const rows = text.split('\n').filter((line) => line !== '')
  // A hundred users each, over all of four partitions, and none of them overtakes himself.
  const each = [count, count, count, 100, 0, 4]
  assert.deepEqual(
    rows.map((line) => JSON.parse(line) as unknown),
    [
      ['from node', ...each],
      ['from python', ...each],
    ],
  )
  await assertVerified(cluster, 2 * count)
}
