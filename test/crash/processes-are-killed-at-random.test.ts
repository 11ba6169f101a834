import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aRunningSluice } from '../harness/installation.ts'
import { startLoad } from '../harness/load.ts'
import { assertPromisesKept } from '../harness/oracle.ts'
import { seededChance } from '../harness/seed.ts'

const chance = seededChance()
const kills = 12

describe('a running Sluice', () => {
  it('loses and doubles nothing when edge, core and Postgres are killed at random', async (test) => {
    const sluice = await aRunningSluice(test)
    const load = startLoad(sluice, { seed: chance.seed })
    await load.more(200)
    for (let n = 0; n < kills; n++) {
      await sleep(chance.between(20, 700))
      await sluice.kill(chance.oneOf(['edge', 'core', 'postgres']))
    }
    await load.more(500)
    await assertPromisesKept(sluice, await load.stop(), { acknowledgedMin: 1000, retriesMin: 1 })
  })
})
