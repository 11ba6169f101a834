import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { aRunningSluice } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

describe('settings that change while Sluice runs', () => {
  it('act at once where they may, are told, and are refused as a whole when one is wrong', async (test) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-settings-'))
    test.after(() => rmSync(folder, { recursive: true, force: true }))
    const file = join(folder, 'sluice.yaml')
    const write = (text: string): void => writeFileSync(file, text)
    write('capture: { eventNameCharsMax: 200 }\n')
    const sluice = await aRunningSluice(test, { SLUICE_CONFIG: file })
    const named = (length: number) => sluice.capture([{ event: 'x'.repeat(length), distinct_id: 'a' }])
    const verdictsOf = async (length: number) => (await named(length)).headers['sluice-verdicts']
    assert.equal(await verdictsOf(100), 'stored=1')
    const edge = sluice.process('edge')?.pid

    write('capture: { eventNameCharsMax: 50 }\nintake: { duplicateWindowMs: 23 h }\n')
    const { code, out } = await sluice.run(['reload'])
    assert.equal(code, 0)
    assert.match(
      out,
      /act from now on:\n {2}- capture\.eventNameCharsMax\n.*need a restart:\n {2}- intake\.duplicateWindowMs\n/s,
    )
    assert.notEqual(await verdictsOf(101), 'stored=1')
    assert.equal(await verdictsOf(49), 'stored=1')

    write('capture: { eventNameCharsMax: 150, depthMaxx: 3 }\nlive: { readersMax: many }\n')
    const refused = await sluice.run(['reload'], { SLUICE_CONFIG: '' })
    assert.equal(refused.code, 1)
    assert.match(refused.err, /Nothing has changed.*capture\.depthMaxx is not a setting.*live\.readersMax is "many"/s)
    assert.notEqual(await verdictsOf(102), 'stored=1')

    write('capture: { eventNameCharsMax: 150 }\nintake: { duplicateWindowMs: 23 h }\n')
    const supervisor = sluice.process('supervisor')?.pid
    assert.equal(typeof supervisor, 'number')
    process.kill(Number(supervisor), 'SIGHUP')
    await until('the third settings act', async () => (await verdictsOf(103)) === 'stored=1')
    assert.equal(sluice.process('edge')?.pid, edge)
  })
})
