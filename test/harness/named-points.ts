/** Scenarios in which a process kills itself at a named point (`src/kit/failpoint.ts`) while clients send. */
import { after, describe, it } from 'node:test'
import type { Installation, Role } from './installation.ts'
import { anInstallation } from './installation.ts'
import { Ledger } from './ledger.ts'
import { startLoad } from './load.ts'
import { assertPromisesKept } from './oracle.ts'
import { seededChance } from './seed.ts'

export interface NamedPoint {
  /** As in `edge:before-journal-write`. */
  readonly name: string
  /** Completes "when it dies …". */
  readonly when: string
  /** The process dies at one of this many first hits of the point; the seed says at which. */
  readonly hitsMax: number
}

/** One installation for all points, started anew for each: failpoints belong to the first life of a process. */
export function describeNamedPoints(role: Role & ('edge' | 'core'), points: readonly NamedPoint[]): void {
  const chance = seededChance()
  const ledger = new Ledger()
  let installation: Promise<Installation> | undefined

  describe(`the ${role}`, () => {
    const cleanings: (() => Promise<void>)[] = []
    after(async () => {
      for (const clean of cleanings) await clean()
    })
    for (const { name, when, hitsMax } of points) {
      it(`loses and doubles nothing when it dies ${when}`, async () => {
        installation ??= anInstallation({ after: (clean) => void cleanings.push(clean) })
        const sluice = await installation
        const deathsBefore = sluice.deaths(role)
        const acknowledgedBefore = ledger.acknowledged
        const hit = chance.between(1, hitsMax)
        process.stdout.write(`${name}=kill@${String(hit)}\n`)
        await sluice.start({ SLUICE_FAILPOINTS: `${name}=kill@${String(hit)}` })
        try {
          const load = startLoad(sluice, { seed: chance.seed, ledger })
          await sluice.until(`the death of ${role} at ${name}`, () => {
            load.check()
            return sluice.deaths(role) > deathsBefore
          })
          await sluice.ready()
          await load.more(300)
          await load.stop()
          await assertPromisesKept(sluice, ledger, { acknowledgedMin: acknowledgedBefore + 300, retriesMin: 0 })
        } finally {
          await sluice.stop()
        }
      })
    }
  })
}
