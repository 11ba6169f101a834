import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
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
        const said = `two processes ${orphan.role}: ${String(orphan.pid)} (${kernelOn(orphan)}) and ${String(successor.pid)}`
        assert.ok(!mayWrite(orphan), said)
      }
      await sleep(2)
    }
  })()
  await Promise.race([sluice.start(), watching])
  started.abort()
  await watching
  assert.deepEqual(orphans.filter(mayWrite), [])
}

/**
 * False already for the last thread of a process that is in its exit: from there on the kernel alone is at work, and takes as long
 * as the host lets that core wait, which can be longer than a Postgres takes to start.
 */
function mayWrite(orphan: ListedProcess): boolean {
  // Fields 9 and 20 of /proc/<pid>/stat; 4 is PF_EXITING.
  const fields = kernelOn(orphan).split(' ')
  const isInExit = (Number(fields[6]) & 4) !== 0 && Number(fields[17]) <= 1
  return isAlive(orphan) && !isInExit
}

/** The fields of /proc/<pid>/stat from the third on; empty when it is gone. */
function kernelOn({ pid }: ListedProcess): string {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2)
  } catch {
    return ''
  }
}
