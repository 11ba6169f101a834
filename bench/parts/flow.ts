/**
 * From the log to rows: the core is stopped while events pile up in the intake's journal, then continued; what it uses until
 * the last row is in the table is what the events cost it, chDB included. Without plugins.
 */
import type { BenchContext } from '../bench-context.ts'
import { cpuOf, mainThreadCpuOf, memoryOf, usedUs } from '../host/proc.ts'
import { watchNoise } from '../host/noise.ts'
import type { Noise } from '../host/noise.ts'
import { projectToken } from '../installation.ts'
import type { Installation } from '../installation.ts'
import { loadCases, planOf } from '../load/load-cases.ts'
import type { LoadResult } from '../load/load-plan.ts'
import { runLoad } from '../load/run-load.ts'
import { proofOf } from '../proof.ts'
import { figuresOf } from '../report/figure.ts'
import type { PartResult } from '../report/figure.ts'
import { noiseNote } from '../report/noise-note.ts'
import { targets } from '../report/targets.ts'
import { withInstallation } from '../with-installation.ts'
import type { WarehouseFloor } from './floors.ts'

export interface FlowRun extends Noise {
  readonly events: number
  readonly seconds: number
  readonly cpuUsPerEvent: number
  readonly mainThreadUsPerEvent: number
  readonly rowsPerSecond: number
  readonly coreRssMb: number
}

export async function measureFlow(context: BenchContext, floor: WarehouseFloor): Promise<PartResult> {
  const { warmup, measured } = context.sizes.flow
  return withInstallation(context, async (installation) => {
    const sent: LoadResult[] = []
    const runs: FlowRun[] = []
    context.say('flow: warming up')
    sent.push(await fill(context, installation, warmup, 0))
    await installation.drained()
    for (let run = 0; run < context.sizes.runs; run++) {
      context.say(`flow: filling the log, run ${String(run + 1)}`)
      installation.pauseCore()
      const filled = await fill(context, installation, measured, run + 1)
      sent.push(filled)
      const waiting = `flow: ${String(filled.acknowledgedEvents)} events wait, the core goes on`
      await context.run(waiting, [installation.pids().supervisor])
      runs.push(await drain(installation, filled.acknowledgedEvents))
    }
    const proof = await proofOf(installation, sent)
    return {
      part: 'log to rows',
      figures: figuresOf(`${String(measured)} events, no plugins`, [
        {
          what: 'CPU of the core',
          unit: 'µs an event',
          runs: runs.map(({ cpuUsPerEvent }) => cpuUsPerEvent),
          target: targets.flow.cpuUsPerEvent,
          moonshot: targets.flow.moonshot,
          floor: { name: 'bare chDB insert', value: floor.usPerRow },
        },
        {
          what: 'of it, the JavaScript thread',
          unit: 'µs an event',
          runs: runs.map(({ mainThreadUsPerEvent }) => mainThreadUsPerEvent),
        },
        {
          what: 'rate until the last row is there',
          unit: 'rows/s',
          runs: runs.map(({ rowsPerSecond }) => rowsPerSecond),
          floor: { name: 'bare chDB insert', value: floor.rowsPerSecond },
        },
        {
          what: 'resident memory of the core afterwards',
          unit: 'MB',
          runs: runs.map(({ coreRssMb }) => coreRssMb),
        },
      ]),
      proof,
      notes: [noiseNote(runs)],
      details: { runs, fills: sent },
    }
  })
}

/** Sends events in batches; with the core stopped they pile up in the log. */
export async function fill(
  { sizes, pinning }: BenchContext,
  installation: Installation,
  events: number,
  seed: number,
): Promise<LoadResult> {
  const batches = loadCases(sizes).find(({ name }) => name === 'batch')
  if (batches === undefined) throw new Error('There is no load in batches.')
  const { edge, supervisor } = installation.pids()
  const target = { port: installation.port, token: projectToken, measuredPid: edge, ownPids: [supervisor] }
  return runLoad(planOf({ ...batches, size: { warmup: 0, measured: events } }, target, seed), pinning)
}

/** From the core's continuation to the last row. Progress is asked for ten times a second, which bounds the rate's error. */
export async function drain(installation: Installation, events: number): Promise<FlowRun> {
  const { core, supervisor } = installation.pids()
  const noise = watchNoise([supervisor])
  const cpu = cpuOf(core)
  const mainThread = mainThreadCpuOf(core)
  const beganMs = performance.now()
  installation.resumeCore()
  await installation.drained()
  const seconds = (performance.now() - beganMs) / 1000
  return {
    events,
    seconds,
    cpuUsPerEvent: usedUs(cpu, cpuOf(core)) / events,
    mainThreadUsPerEvent: usedUs(mainThread, mainThreadCpuOf(core)) / events,
    rowsPerSecond: events / seconds,
    coreRssMb: memoryOf(core).rssBytes / 1e6,
    ...noise(),
  }
}
