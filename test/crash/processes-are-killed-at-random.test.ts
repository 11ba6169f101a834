import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { aRunningSluice } from '../harness/installation.ts'
import { startLoad } from '../harness/load.ts'
import { assertPromisesKept } from '../harness/oracle.ts'
import { profiles } from '../harness/profiles.ts'
import { seededChance } from '../harness/seed.ts'

const chance = seededChance()
const kills = { embedded: 12, cluster: 6 }

for (const profile of profiles) {
  describe(`a running Sluice, ${profile.where}`, { skip: profile.skip }, () => {
    it('loses and doubles nothing when its processes are killed at random', async (test) => {
      const sluice = await aRunningSluice(test, {}, profile)
      const load = startLoad(sluice, { seed: chance.seed, promised: profile.promised, ...profile.pace })
      await load.more(200)
      for (let n = 0; n < kills[profile.name]; n++) {
        await sleep(chance.between(20, 700))
        // Without the edge among them nobody would have to send anything again.
        await sluice.kill(n === 0 ? 'edge' : chance.oneOf(profile.roles))
      }
      await load.more(500)
      await assertPromisesKept(sluice, await load.stop(), { acknowledgedMin: 700, retriesMin: 1 })
    })
  })
}
