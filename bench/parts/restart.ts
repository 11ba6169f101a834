/**
 * How long nobody is answered when Sluice is stopped and started again on a log of some size with a good duplicate index:
 * from the start of the command to the first acknowledged event.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchContext } from '../bench-context.ts'
import { projectToken } from '../installation.ts'
import type { Installation } from '../installation.ts'
import { planOf, loadCases } from '../load/load-cases.ts'
import { runLoad } from '../load/run-load.ts'
import { proofOf } from '../proof.ts'
import type { PartResult } from '../report/figure.ts'
import { targets } from '../report/targets.ts'
import { withInstallation } from '../with-installation.ts'

/** About what one event of the load takes in the journal. */
const bytesPerEvent = 950
const tryEveryMs = 10

export async function measureRestart(context: BenchContext): Promise<PartResult> {
  const { logBytes } = context.sizes.restart
  return withInstallation(context, async (installation) => {
    const batches = loadCases(context.sizes).find(({ name }) => name === 'batch')
    if (batches === undefined) throw new Error('There is no load in batches.')
    const events = Math.ceil(logBytes / bytesPerEvent)
    context.say(`restart: filling the log with ${String(events)} events`)
    const { edge, supervisor } = installation.pids()
    const target = { port: installation.port, token: projectToken, measuredPid: edge, ownPids: [supervisor] }
    const plan = planOf({ ...batches, size: { warmup: 0, measured: events } }, target, 0)
    const filled = await runLoad(plan, context.pinning)
    await installation.drained()
    const runs: number[] = []
    for (let run = 0; run < context.sizes.runs; run++) {
      context.say(`restart: run ${String(run + 1)}`)
      runs.push(await restart(installation))
    }
    const markers = { acknowledgedEvents: runs.length, unacknowledgedEvents: 0, firstProblem: null }
    const proof = await proofOf(installation, [filled, markers])
    return {
      part: 'restart',
      figures: [
        {
          of: `after a stop, log of ${(logBytes / 1e9).toFixed(2)} GB, good index`,
          what: 'start to the first acknowledgement',
          unit: 'ms',
          runs,
          target: targets.restart.firstAnswerMs,
        },
      ],
      proof,
      notes: [
        'The target is stated for a log of 10 GB: `--log-gb 10` measures that.',
        `Looked for every ${String(tryEveryMs)} ms. The installation of packages is not part of it, the start of Node is.`,
      ],
      details: { runs, events },
    }
  })
}

async function restart(installation: Installation): Promise<number> {
  await installation.stop()
  const beganMs = performance.now()
  const started = installation.start()
  // A start that fails ends the waiting as well.
  while (installation.portIfReady() === undefined) await Promise.race([started, sleep(tryEveryMs)])
  const event = { event: 'bench restarted', distinct_id: 'bench', uuid: randomUUID(), properties: {} }
  if (!(await installation.sendEvent(event))) throw new Error('The first event after a restart was not acknowledged.')
  const elapsedMs = performance.now() - beganMs
  await started
  return elapsedMs
}
