import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { codeOf } from './failure.ts'
import { describeFiles } from './files.contract.ts'
import { seededRandom } from './seeded-random.ts'
import { createSimulatedFiles } from './simulated-files.ts'

describeFiles('the simulated disk', (check) =>
  check(
    createSimulatedFiles(() => 0.5),
    '/folder',
  ),
)

describe('the simulated disk', () => {
  it('keeps over a power loss what was synced, whatever else becomes of the rest', async () => {
    const fates = new Set<string>()
    for (let seed = 1; seed <= 200; seed++) {
      const files = createSimulatedFiles(seededRandom(seed))
      const file = await files.open('/f/a', 'create')
      await file.write([Buffer.from('kept')], 0)
      await file.sync()
      await files.syncFolder('/f')
      await file.write([Buffer.from('more')], 4)
      files.powerLoss()
      await assert.rejects(
        async () => file.sync(),
        (error) => codeOf(error) === 'EBADF',
      )
      const again = await files.open('/f/a', 'read')
      const into = Buffer.alloc(8)
      const text = into.toString('latin1', 0, await again.read(into, 0))
      assert.ok(text.startsWith('kept'), `seed ${String(seed)}`)
      fates.add(text === 'kept' ? 'lost' : text === 'keptmore' ? 'there' : 'torn')
    }
    assert.deepEqual([...fates].sort(), ['lost', 'there', 'torn'])
  })

  it('keeps each write to a file whose writes are synced, and none that failed', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const files = createSimulatedFiles(seededRandom(seed))
      const file = await files.open('/f/a', 'create-synced')
      await files.syncFolder('/f')
      await file.write([Buffer.from('kept')], 0)
      files.failNextSync()
      await assert.rejects(file.write([Buffer.from('lost')], 4), /EIO/)
      files.powerLoss()
      assert.equal(files.sizeOf('/f/a'), 4, `seed ${String(seed)}`)
    }
  })

  it('shows the old or the new file after a power loss that met a rename', async () => {
    const fates = new Set<string>()
    for (let seed = 1; seed <= 100; seed++) {
      const files = createSimulatedFiles(seededRandom(seed))
      for (const [path, text] of [
        ['/f/a', 'old'],
        ['/f/a.new', 'new'],
      ] as const) {
        const file = await files.open(path, 'create')
        await file.write([Buffer.from(text)], 0)
        await file.sync()
        if (text === 'old') await files.syncFolder('/f')
      }
      await files.rename('/f/a.new', '/f/a')
      files.powerLoss()
      const into = Buffer.alloc(3)
      await (await files.open('/f/a', 'read')).read(into, 0)
      fates.add(into.toString())
    }
    assert.deepEqual([...fates].sort(), ['new', 'old'])
  })
})
