/** What a Sluice takes that has nothing to do, everything running: memory of all its processes, and the share of a core. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchContext } from '../bench-context.ts'
import { cpuOf, familyOf, memoryOf, usedUs } from '../host/proc.ts'
import { watchNoise } from '../host/noise.ts'
import type { Noise } from '../host/noise.ts'
import type { Installation } from '../installation.ts'
import { figuresOf } from '../report/figure.ts'
import type { Figure, PartResult } from '../report/figure.ts'
import { noiseNote } from '../report/noise-note.ts'
import { targets } from '../report/targets.ts'
import { withInstallation } from '../with-installation.ts'

interface Footprint {
  readonly role: string
  readonly rssMb: number
  readonly pssMb: number | null
  readonly processes: number
}

interface IdleRun extends Noise {
  readonly corePercent: number
  readonly footprints: readonly Footprint[]
}

const bytesPerMb = 1e6

export async function measureIdle(context: BenchContext): Promise<PartResult> {
  const { settleSeconds, windowSeconds } = context.sizes.idle
  return withInstallation(context, async (installation) => {
    context.say(`idle: settling for ${String(settleSeconds)} s`)
    await sleep(settleSeconds * 1000)
    const runs: IdleRun[] = []
    for (let run = 0; run < context.sizes.runs; run++) {
      context.say(`idle: watching for ${String(windowSeconds)} s, run ${String(run + 1)}`)
      runs.push(await watch(installation, windowSeconds))
    }
    return {
      part: 'idle',
      figures: footprintFigures(runs),
      notes: [
        noiseNote(runs),
        `Measured ${String(settleSeconds)} s after the start, over ${String(windowSeconds)} s. Resident counts shared pages once a process; proportional (PSS) divides them, which is what would be free without Sluice. MB is 10^6 bytes.`,
        'The supervisor has its watchdog and Postgres its own processes counted with it. Canaries run, so idle is not nothing.',
      ],
      details: { runs },
    }
  })
}

async function watch(installation: Installation, seconds: number): Promise<IdleRun> {
  const { supervisor } = installation.pids()
  const noise = watchNoise([supervisor])
  const before = cpuOf(supervisor)
  const beganMs = performance.now()
  await sleep(seconds * 1000)
  const usedMs = usedUs(before, cpuOf(supervisor)) / 1000
  return {
    corePercent: (usedMs * 100) / (performance.now() - beganMs),
    footprints: footprintsOf(installation),
    ...noise(),
  }
}

function footprintsOf(installation: Installation): readonly Footprint[] {
  const { supervisor, edge, core } = installation.pids()
  const groups = new Map<string, number[]>()
  for (const { pid, name } of familyOf(supervisor)) {
    const role = pid === edge ? 'edge' : pid === core ? 'core' : name === 'postgres' ? 'postgres' : 'supervisor'
    groups.set(role, [...(groups.get(role) ?? []), pid])
  }
  return [...groups].map(([role, pids]) => {
    const memories = pids.map((pid) => memoryOf(pid))
    const rssBytes = memories.reduce((sum, one) => sum + one.rssBytes, 0)
    const pssBytes = memories.reduce<number | null>(
      (sum, one) => (sum === null || one.pssBytes === null ? null : sum + one.pssBytes),
      0,
    )
    return {
      role,
      rssMb: rssBytes / bytesPerMb,
      pssMb: pssBytes === null ? null : pssBytes / bytesPerMb,
      processes: pids.length,
    }
  })
}

function footprintFigures(runs: readonly IdleRun[]): readonly Figure[] {
  const sum = (value: (footprint: Footprint) => number | null) =>
    runs.map(({ footprints }) => footprints.reduce((total, one) => total + (value(one) ?? Number.NaN), 0))
  const roles = runs[0]?.footprints ?? []
  return [
    ...figuresOf('all processes', [
      {
        what: 'resident memory',
        unit: 'MB',
        runs: sum(({ rssMb }) => rssMb),
        target: targets.idle.residentMb,
      },
      { what: 'proportional memory', unit: 'MB', runs: sum(({ pssMb }) => pssMb) },
      {
        what: 'CPU',
        unit: '% of a core',
        runs: runs.map(({ corePercent }) => corePercent),
        target: targets.idle.corePercent,
      },
    ]),
    ...roles.map(({ role, processes }) => ({
      of: `${role}, ${String(processes)} process${processes === 1 ? '' : 'es'}`,
      what: 'resident memory',
      unit: 'MB',
      runs: sum((footprint) => (footprint.role === role ? footprint.rssMb : 0)),
    })),
  ]
}
