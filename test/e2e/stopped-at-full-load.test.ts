import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readProcessesFile } from '../../src/app/supervisor/processes-file.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { startLoad } from '../harness/load.ts'
import { assertPromisesKept } from '../harness/oracle.ts'
import { seededChance } from '../harness/seed.ts'

const chance = seededChance()

describe('a Sluice that is stopped by SIGTERM at full load', () => {
  it('leaves with 0, leaves nothing running, and has every acknowledged event after the next start', async (test) => {
    const sluice = await aRunningSluice(test)
    const load = startLoad(sluice, { seed: chance.seed, clients: 8, pauseMsMax: 0 })
    for (let n = 0; n < 2; n++) {
      await load.more(1000)
      await sleep(chance.between(0, 300))
      assert.equal(await sluice.stop(), 0)
      await sluice.gone()
      assert.equal(readProcessesFile(sluice.dataFolder), undefined)
      await sluice.start()
    }
    await load.more(500)
    await assertPromisesKept(sluice, await load.stop(), { acknowledgedMin: 2500, retriesMin: 1 })
    assert.equal(sluice.logged('A process took too long to stop and is killed.').length, 0)
  })
})
