/**
 * From the acknowledgement to the answer of a question, under a steady load.
 *
 * Among the load's events this process sends markers, single events of one name, notes when each is acknowledged, and asks by
 * SQL again and again which ones are there. A marker counts as queryable when the answer that shows it has arrived, so
 * figures include the question itself and the pause between two (`pollMs`), both against us.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchContext } from '../bench-context.ts'
import type { Installation } from '../installation.ts'
import type { LoadResult } from '../load/load-plan.ts'
import { sendMarkers } from '../load/send-markers.ts'
import { steadyLoad } from '../load/steady-load.ts'
import { proofOf } from '../proof.ts'
import type { Sent } from '../proof.ts'
import { figuresOf } from '../report/figure.ts'
import type { PartResult } from '../report/figure.ts'
import { noiseNote } from '../report/noise-note.ts'
import { targets } from '../report/targets.ts'
import { percentilesOf } from '../statistics.ts'
import type { Percentiles } from '../statistics.ts'
import { withInstallation } from '../with-installation.ts'

const pollMs = 50
const answerTimeoutMs = 60_000

export async function measureFreshness(context: BenchContext): Promise<PartResult> {
  const { seconds, eventsPerSecond, markersPerSecond } = context.sizes.freshness
  return withInstallation(context, async (installation) => {
    const runs: Percentiles[] = []
    const sent: Sent[] = []
    const loads: LoadResult[] = []
    for (let run = 0; run < context.sizes.runs; run++) {
      await context.run(
        `freshness: ${String(eventsPerSecond)} events a second for ${String(seconds)} s, run ${String(run + 1)}`,
        [installation.pids().supervisor],
      )
      const load = steadyLoad(context.pinning, installation, {
        eventsPerSecond: eventsPerSecond - markersPerSecond,
        seconds,
        batch: 1,
        seed: run,
      })
      const [result, markers] = await Promise.all([
        load,
        followMarkers(installation, { run, seconds, markersPerSecond, pollMs }),
      ])
      loads.push(result)
      sent.push(result, markers.sent)
      runs.push(percentilesOf(markers.delaysMs))
    }
    const proof = await proofOf(installation, sent)
    return {
      part: 'acknowledged to queryable',
      figures: figuresOf(`${String(eventsPerSecond)} events/s, single`, [
        {
          what: 'p50',
          unit: 'ms',
          runs: runs.map(({ p50 }) => p50),
        },
        { what: 'p99', unit: 'ms', runs: runs.map(({ p99 }) => p99), target: targets.freshness.p99Ms },
        { what: 'max', unit: 'ms', runs: runs.map(({ max }) => max) },
      ]),
      proof,
      notes: [
        noiseNote(loads),
        `${String(seconds * markersPerSecond)} markers a run, looked for by SQL every ${String(pollMs)} ms; the question and the pause are in the figures.`,
      ],
      details: { runs, loads },
    }
  })
}

export interface Markers {
  /** Names the markers. */
  readonly run: number
  readonly seconds: number
  readonly markersPerSecond: number
  /** Pause between two looks. */
  readonly pollMs: number
}

export async function followMarkers(
  installation: Installation,
  { run, seconds, markersPerSecond, pollMs }: Markers,
): Promise<{ readonly delaysMs: readonly number[]; readonly sent: Sent }> {
  const name = `bench marker ${String(run)}`
  const acknowledgedMs = new Map<string, number>()
  const delaysMs: number[] = []
  let isSending = true

  const send = async (): Promise<Sent> => {
    const sent = await sendMarkers(installation, { name, seconds, perSecond: markersPerSecond }, (uuid, atMs) =>
      acknowledgedMs.set(uuid, atMs),
    )
    isSending = false
    return sent
  }
  const look = async (): Promise<void> => {
    const giveUpMs = performance.now() + seconds * 1000 + answerTimeoutMs
    while (isSending || acknowledgedMs.size > 0) {
      const { rows } = await installation.sql(
        `SELECT distinct_id FROM events WHERE event = '${name}' AND day >= toDate32(now() - INTERVAL 1 DAY) LIMIT 100000`,
      )
      const nowMs = performance.now()
      if (nowMs > giveUpMs) throw new Error(`${String(acknowledgedMs.size)} markers never became queryable.`)
      for (const [id] of rows) {
        const atMs = acknowledgedMs.get(String(id))
        // Not acknowledged yet: it will be found by the next question.
        if (atMs === undefined) continue
        acknowledgedMs.delete(String(id))
        delaysMs.push(nowMs - atMs)
      }
      await sleep(pollMs)
    }
  }
  const [sent] = await Promise.all([send(), look()])
  return { delaysMs, sent }
}
