import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ListedProcess } from '../../src/app/supervisor/processes-file.ts'
import { isAlive } from '../../src/app/supervisor/processes-file.ts'
import type { Installation, Role } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { startLoad } from '../harness/load.ts'
import { assertPromisesKept } from '../harness/oracle.ts'
import { profiles } from '../harness/profiles.ts'
import type { TestedProfile } from '../harness/profiles.ts'
import { seededChance } from '../harness/seed.ts'

const chance = seededChance()

for (const profile of profiles) {
  describe(`a supervisor that is killed alone and started again, ${profile.where}`, { skip: profile.skip }, () => {
    it('never leaves two writers, and nothing is lost or doubled', async (test) => {
      const sluice = await aRunningSluice(test, {}, profile)
      const load = startLoad(sluice, { seed: chance.seed, promised: profile.promised, ...profile.pace })
      await load.more(200)
      for (let n = 0; n < 2; n++) {
        await sleep(chance.between(20, 500))
        await startAgain(sluice, profile, await sluice.killSupervisor())
        await load.more(100)
      }
      // Too busy to notice that the supervisor is gone: stopped, they would go on where they were as soon as somebody lets them.
      const orphans = ['edge', 'core'].map((role) => sluice.process(role as 'edge' | 'core'))
      for (const orphan of orphans) process.kill(Number(orphan?.pid), 'SIGSTOP')
      await startAgain(sluice, profile, await sluice.killSupervisor())
      await load.more(300)
      await assertPromisesKept(sluice, await load.stop(), { acknowledgedMin: 700, retriesMin: 1 })
    })
  })
}

/** At no moment is a successor ready while its predecessor is still there. */
async function startAgain(
  sluice: Installation,
  { roles }: TestedProfile,
  orphans: readonly ListedProcess[],
): Promise<void> {
  assert.deepEqual(orphans.map(({ role }) => role).sort(), roles)
  const started = new AbortController()
  const watching = (async () => {
    while (!started.signal.aborted) {
      for (const orphan of orphans) {
        const successor = sluice.process(orphan.role as Role)
        if (successor === undefined || successor.pid === orphan.pid || successor.state !== 'ready') continue
        assert.ok(!isAlive(orphan), `two processes ${orphan.role}: ${String(orphan.pid)} and ${String(successor.pid)}`)
      }
      await sleep(2)
    }
  })()
  await Promise.race([sluice.start(), watching])
  started.abort()
  await watching
  assert.deepEqual(orphans.filter(isAlive), [])
}
