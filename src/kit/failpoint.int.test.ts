import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import { armFailpoints, failpoint, failpointPlanComplaint } from './failpoint.ts'

const module = new URL('./failpoint.ts', import.meta.url).href

/** Runs in a process of its own, which may not survive it. */
function run(code: string) {
  const program = `import { armFailpoints, failpoint } from ${JSON.stringify(module)}; ${code}`
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  return { said: stdout.trim().split('\n').join(' '), signal }
}

describe('a failpoint', () => {
  it('does nothing unless it is armed', () => {
    failpoint('edge:after-sync')
    assert.deepEqual(armFailpoints(''), [])
    failpoint('edge:after-sync')
  })

  it('kills the process at the first hit, before anything else happens', () => {
    const { said, signal } = run(
      `armFailpoints('edge:a=kill'); console.log(1); failpoint('edge:b'); console.log(2); failpoint('edge:a'); console.log(3)`,
    )
    assert.equal(said, '1 2')
    assert.equal(signal, 'SIGKILL')
  })

  it('kills the process at the hit that the plan says', () => {
    const { said, signal } = run(
      `armFailpoints('core:x=kill,edge:a=kill@3'); for (const n of [1, 2, 3, 4]) { console.log(n); failpoint('edge:a') }`,
    )
    assert.equal(said, '1 2 3')
    assert.equal(signal, 'SIGKILL')
  })
})

describe('a plan of failpoints', () => {
  it('names what it arms', () => {
    assert.deepEqual(armFailpoints('edge:a=kill, core:b-c=kill@12'), ['edge:a', 'core:b-c'])
    armFailpoints('')
  })

  it('is refused when it is misspelt', () => {
    for (const plan of [
      'edge:a',
      'edge:a=die',
      'a=kill',
      'edge:a=kill@0',
      'edge:a=kill@x',
      'edge:a=kill;core:b=kill',
    ]) {
      assert.notEqual(failpointPlanComplaint(plan), undefined, plan)
      assert.throws(() => armFailpoints(plan), { code: 'SLUICE_FAILPOINT_UNREADABLE' })
    }
    assert.equal(failpointPlanComplaint('edge:a=kill@3, core:b=kill'), undefined)
  })
})
