import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { startLoad } from '../harness/load.ts'
import { assertPromisesKept } from '../harness/oracle.ts'
import { profiles } from '../harness/profiles.ts'
import { seededChance } from '../harness/seed.ts'
import { partsOf } from '../harness/table-parts.ts'

const chance = seededChance()

for (const profile of profiles) {
  describe(`a Sluice of which all processes are killed at once, ${profile.where}`, { skip: profile.skip }, () => {
    it('loses and doubles nothing', async (test) => {
      const sluice = await aRunningSluice(test, {}, profile)
      const load = startLoad(sluice, { seed: chance.seed, promised: profile.promised, ...profile.pace })
      for (let n = 0; n < 2; n++) {
        await load.more(200)
        await sleep(chance.between(20, 500))
        await sluice.killAll()
        await sluice.start()
      }
      await load.more(200)
      await assertPromisesKept(sluice, await load.stop(), { acknowledgedMin: 600, retriesMin: 1 })
    })
  })
}

describe('a Sluice of which all processes are killed at once, and whose disk forgot', () => {
  it('puts the rows back that the table lost with its newest part', async (test) => {
    const sluice = await aRunningSluice(test)
    const load = startLoad(sluice, { seed: chance.seed })
    await load.more(500)
    await sluice.until('a block in the table', () => partsOf(sluice).some(({ rows }) => rows > 0))
    await sleep(chance.between(20, 500))
    await sluice.killAll()
    const rowsRemoved = removeNewestBlock(sluice)
    assert.ok(rowsRemoved > 0)
    await sluice.start()
    await load.more(200)
    await assertPromisesKept(sluice, await load.stop(), { acknowledgedMin: 700, retriesMin: 1 })
    const [restored] = sluice.logged('Rows that the table had lost were inserted again.')
    assert.ok(Number(restored?.fields['rowsMissing']) >= rowsRemoved, JSON.stringify(restored))
  })
})

/** Removes whatever the disk holds of the table's newest block: the part itself and what it was merged into. Returns its rows. */
function removeNewestBlock(sluice: Installation): number {
  const parts = partsOf(sluice)
  const newest = Math.max(...parts.map(({ lastBlock }) => lastBlock))
  const own = parts.find(({ firstBlock, lastBlock }) => firstBlock === newest && lastBlock === newest)
  assert.ok(own !== undefined, parts.map(({ path }) => path).join('\n'))
  for (const { path, firstBlock, lastBlock } of parts) {
    if (firstBlock <= newest && newest <= lastBlock) rmSync(path, { recursive: true })
  }
  return own.rows
}
