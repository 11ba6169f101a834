import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { anInstallation } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'

/** No disk of a test has so much left. */
const reserveBytes = String(1024 ** 4)

describe('a Sluice whose disk is full up to the reserve', () => {
  it('answers 503 with Retry-After, still answers questions, and takes the same events once there is space', async (test) => {
    const sluice = await anInstallation(test)
    await sluice.start()
    const early = { uuid: randomUUID(), event: 'early', distinct_id: 'a' }
    const late = { uuid: randomUUID(), event: 'late', distinct_id: 'a' }
    assert.equal((await sluice.capture([early])).status, 200)
    await sluice.settled()
    await sluice.stop()

    await sluice.start({ SLUICE_INTAKE_RESERVE_BYTES: reserveBytes })
    for (let n = 0; n < 3; n++) {
      const refused = await sluice.capture([late])
      assert.equal(refused.status, 503)
      assert.match(refused.text, /^transient error, please retry: The disk is almost full/)
      assert.match(String(refused.headers['retry-after']), /^[1-9]\d?$/)
    }
    const { rows } = await sluice.ask('SELECT event FROM events')
    assert.deepEqual(rows, [['early']])
    for (const role of ['edge', 'core', 'postgres'] as const) assert.equal(sluice.restarts(role), 0)
    assert.equal(await sluice.stop(), 0)

    await sluice.start()
    assert.equal((await sluice.capture([late])).headers['sluice-verdicts'], 'stored=1')
    await sluice.settled()
    const { rows: all } = await sluice.ask('SELECT event FROM events ORDER BY event')
    assert.deepEqual(all, [['early'], ['late']])
    await assertVerified(sluice, 2)
  })
})
