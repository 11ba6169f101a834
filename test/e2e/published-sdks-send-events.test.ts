import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'
import { profiles } from '../harness/profiles.ts'
import { seededChance } from '../harness/seed.ts'
import { sendWithNode, sendWithPython, skippedWithoutPython } from './published-sdks.ts'

const chance = seededChance()
const skip = skippedWithoutPython()
const count = 10_000
/** What the README promises. */
const queryableWithinMs = 5000

/** Who dies while they send. A process of the cluster profile takes longer to be ready again. */
const dying = {
  embedded: ['core', 'edge', 'core', 'core', 'edge', 'core', 'core'],
  cluster: ['core', 'edge', 'core', 'edge'],
} as const
/** They send for so long: more than all deaths and starts take, also on a busy machine. */
const secondsOfDying = 20

/** As they are for a user, not small and quick. */
const ordinary = { SLUICE_WAREHOUSE_LINGER_MS: '1000', SLUICE_WAREHOUSE_BLOCK_ROWS_MAX: '20000' }

for (const profile of profiles) {
  describe(`the published SDKs for Node and Python, ${profile.where}`, { skip: skip || profile.skip }, () => {
    it('send 10,000 events each, and SQL counts 20,000 within five seconds', async (test) => {
      const sluice = await aRunningSluice(test, ordinary, profile)
      const sending = { count, seconds: 2 }
      await Promise.all([sendWithNode(sluice, sending), sendWithPython(sluice, sending)])
      const answeredAtMs = performance.now()
      await sluice.until('a count of 20,000', async () => (await countOf(sluice)) === 2 * count)
      assert.ok(performance.now() - answeredAtMs < queryableWithinMs)
      await assertEachOnce(sluice)
    })

    it('have each acknowledged event stored once while core and edge are killed again and again', async (test) => {
      const victims = dying[profile.name]
      const sluice = await aRunningSluice(test, ordinary, profile)
      const sending = { count, seconds: secondsOfDying }
      const sent = Promise.all([sendWithNode(sluice, sending), sendWithPython(sluice, sending)])
      for (const victim of victims) {
        await sluice.until('events under way', async () => (await countOf(sluice)) < 2 * count)
        await sleep(chance.between(100, 500))
        await sluice.kill(victim)
        await sluice.ready()
      }
      await sent
      for (const role of ['core', 'edge'] as const)
        assert.equal(sluice.deaths(role), victims.filter((victim) => victim === role).length)
      await sluice.settled()
      await assertEachOnce(sluice)
    })
  })
}

async function countOf(sluice: Installation): Promise<number> {
  const { rows } = await sluice.ask('SELECT count() FROM events')
  return Number(rows[0]?.[0])
}

/** Both SDKs ended without an error: all they took was acknowledged. */
async function assertEachOnce(sluice: Installation): Promise<void> {
  const { rows } = await sluice.ask(
    `SELECT event, count(), uniqExact(uuid), uniqExact(JSONExtractInt(properties, 'number')), uniqExact(distinct_id)
    FROM events GROUP BY event ORDER BY event`,
  )
  assert.deepEqual(
    rows.map(([event, ...counts]) => [event, ...counts.map(Number)]),
    [
      ['from node', count, count, count, 100],
      ['from python', count, count, count, 100],
    ],
  )
  await assertVerified(sluice, 2 * count)
}
