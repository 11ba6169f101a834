import assert from 'node:assert/strict'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { startLoad } from '../harness/load.ts'
import { assertPromisesKept } from '../harness/oracle.ts'
import { seededChance } from '../harness/seed.ts'

const chance = seededChance()

describe('a Sluice of which all processes are killed at once', () => {
  it('loses and doubles nothing', async (test) => {
    const sluice = await aRunningSluice(test)
    const load = startLoad(sluice, { seed: chance.seed })
    for (let n = 0; n < 2; n++) {
      await load.more(200)
      await sleep(chance.between(20, 500))
      await sluice.killAll()
      await sluice.start()
    }
    await load.more(200)
    await assertPromisesKept(sluice, await load.stop(), { acknowledgedMin: 600, retriesMin: 1 })
  })

  it('puts the rows back that the table lost with its newest part', async (test) => {
    const sluice = await aRunningSluice(test)
    const load = startLoad(sluice, { seed: chance.seed })
    await load.more(500)
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

interface Part {
  readonly path: string
  readonly firstBlock: number
  readonly lastBlock: number
}

/** Removes whatever the disk holds of the table's newest block: the part itself and what it was merged into. Returns its rows. */
function removeNewestBlock(sluice: Installation): number {
  const warehouse = join(sluice.dataFolder, 'core', 'warehouse')
  const parts = readdirSync(warehouse, { recursive: true, withFileTypes: true }).flatMap((entry): Part[] => {
    // Parts of `events` are named after the month: 202611_<first block>_<last block>_<level>.
    const [, first, last] = /^\d{6}_(\d+)_(\d+)_\d+$/.exec(entry.name) ?? []
    const isPart = entry.isDirectory() && entry.parentPath.includes('/store/') && first !== undefined
    return isPart
      ? [{ path: join(entry.parentPath, entry.name), firstBlock: Number(first), lastBlock: Number(last) }]
      : []
  })
  const newest = Math.max(...parts.map(({ lastBlock }) => lastBlock))
  const own = parts.find(({ firstBlock, lastBlock }) => firstBlock === newest && lastBlock === newest)
  assert.ok(own !== undefined, parts.map(({ path }) => path).join('\n'))
  const rows = Number(readFileSync(join(own.path, 'count.txt'), 'utf8'))
  for (const { path, firstBlock, lastBlock } of parts) {
    if (firstBlock <= newest && newest <= lastBlock) rmSync(path, { recursive: true })
  }
  return rows
}
