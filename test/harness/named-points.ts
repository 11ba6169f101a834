/** Scenarios in which a process kills itself at a named point (`src/kit/failpoint.ts`) while clients send. */
import { after, describe, it } from 'node:test'
import type { Installation, Role } from './installation.ts'
import { anInstallation } from './installation.ts'
import { Ledger } from './ledger.ts'
import { startLoad } from './load.ts'
import { assertPromisesKept } from './oracle.ts'
import { profiles } from './profiles.ts'
import type { TestedProfile } from './profiles.ts'
import { seededChance } from './seed.ts'

export interface NamedPoint {
  /** As in `edge:before-journal-write`. */
  readonly name: string
  /** Completes "when it dies …". */
  readonly when: string
  /** The process dies at one of this many first hits of the point; the seed says at which. */
  readonly hitsMax: number
  /** The one profile whose code has it; each has when not set. */
  readonly only?: TestedProfile
}

/** Events that have to be acknowledged after each death. */
const acknowledgedAfter = { embedded: 300, cluster: 100 }

export function describeNamedPoints(role: Role & ('edge' | 'core'), points: readonly NamedPoint[]): void {
  for (const profile of profiles) {
    const own = points.filter(({ only = profile }) => only === profile)
    describeOn(profile, role, own)
  }
}

/** One installation for all points, started anew for each: failpoints belong to the first life of a process. */
function describeOn(profile: TestedProfile, role: Role & ('edge' | 'core'), points: readonly NamedPoint[]): void {
  const chance = seededChance()
  const ledger = new Ledger(profile.promised)
  const acknowledged = acknowledgedAfter[profile.name]
  let installation: Promise<Installation> | undefined

  describe(`the ${role}, ${profile.where}`, { skip: profile.skip }, () => {
    const cleanings: (() => Promise<void>)[] = []
    after(async () => {
      for (const clean of cleanings) await clean()
    })
    for (const { name, when, hitsMax } of points) {
      it(`loses and doubles nothing when it dies ${when}`, async () => {
        installation ??= anInstallation({ after: (clean) => void cleanings.push(clean) }, {}, profile)
        const sluice = await installation
        const deathsBefore = sluice.deaths(role)
        const acknowledgedBefore = ledger.acknowledged
        const hit = chance.between(1, hitsMax)
        process.stdout.write(`${name}=kill@${String(hit)}\n`)
        await sluice.start({ SLUICE_FAILPOINTS: `${name}=kill@${String(hit)}` })
        try {
          const load = startLoad(sluice, { seed: chance.seed, ledger, ...profile.pace })
          await sluice.until(`the death of ${role} at ${name}`, () => {
            load.check()
            return sluice.deaths(role) > deathsBefore
          })
          await sluice.ready()
          await load.more(acknowledged)
          await load.stop()
          const acknowledgedMin = acknowledgedBefore + acknowledged
          await assertPromisesKept(sluice, ledger, { acknowledgedMin, retriesMin: 0 })
        } finally {
          await sluice.stop()
        }
      })
    }
  })
}
