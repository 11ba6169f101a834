import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { anInstallation, aRunningSluice } from '../harness/installation.ts'

describe('a start', () => {
  it('on a folder that is in use is refused, and who uses it goes on', async (test) => {
    const sluice = await aRunningSluice(test)
    const { code, err } = await sluice.run(['start'])
    assert.equal(code, 1)
    assert.match(err, /^sluice: Sluice runs on the data folder \S+ already: process \d+, started \S+, at http/)
    assert.match(err, /choose another folder with SLUICE_DATA_DIR/)
    assert.equal((await sluice.capture([{ event: 'still here', distinct_id: 'a' }])).status, 200)
    for (const role of ['edge', 'core', 'postgres'] as const) assert.equal(sluice.restarts(role), 0)
  })

  it('on a folder that cannot be written is refused and says why', async (test) => {
    const sluice = await anInstallation(test)
    const file = `${sluice.dataFolder}.file`
    writeFileSync(file, '')
    const below = await sluice.run(['start'], { SLUICE_DATA_DIR: join(file, 'below') })
    assert.equal(below.code, 1)
    assert.match(below.err, /^sluice: The data folder \S+ cannot be used: a part of the path is a file\./)
    const inPlace = await sluice.run(['start'], { SLUICE_DATA_DIR: file })
    assert.equal(inPlace.code, 1)
    assert.match(inPlace.err, /^sluice: The data folder \S+ cannot be used: there is a file in its place\./)
  })

  it('on a port that is taken is refused, and leaves nothing running', async (test) => {
    const sluice = await anInstallation(test)
    const other = createServer()
    other.listen(Number(new URL(sluice.url).port), '127.0.0.1')
    await once(other, 'listening')
    try {
      const { code, err } = await sluice.run(['start'])
      assert.equal(code, 1)
      assert.match(err, /^sluice: Port \d+ on 127\.0\.0\.1 is taken by another program\. .*SLUICE_PORT\.$/m)
      await sluice.gone()
    } finally {
      other.close()
    }
  })
})
