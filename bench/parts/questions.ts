/**
 * Questions over ten million events, versions resolved, while events keep coming in.
 *
 * The table is filled before the start (`load/past-events.ts`): 30 days that ended yesterday, as live traffic left them or, with
 * `--import`, as an import did. Then the generator sends at a steady rate, markers measure freshness as in the part
 * of that name, and one asker asks the three questions in turn over HTTP, each over all days.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchContext } from '../bench-context.ts'
import { runProgram } from '../host/run-program.ts'
import type { Installation } from '../installation.ts'
import { pastDays } from '../load/past-events.ts'
import type { PastEvents } from '../load/past-events.ts'
import { steadyLoad } from '../load/steady-load.ts'
import { proofOf } from '../proof.ts'
import { figuresOf } from '../report/figure.ts'
import type { PartResult } from '../report/figure.ts'
import { noiseNote } from '../report/noise-note.ts'
import { targets } from '../report/targets.ts'
import { percentilesOf } from '../statistics.ts'
import { withInstallation } from '../with-installation.ts'
import { followMarkers } from './freshness.ts'

const dayMs = 86_400_000
/** The first project of an installation; the canaries' is 0. */
const projectId = 1
const timesMin = 40
const eventsPerRequest = 10
/** Looking for markers is a question too: seldom enough not to be the load. */
const markerPollMs = 500
const logLinesMax = 1000

const mergedLine = 'Parts that held the same days were merged.'

type Name = 'perDay' | 'perProperty' | 'funnel'

export async function measureQuestions(context: BenchContext, state: PastEvents['state']): Promise<PartResult> {
  const { rows, seconds, eventsPerSecond, markersPerSecond, mergeSecondsMax } = context.sizes.questions
  const todayMs = Math.floor(Date.now() / dayMs) * dayMs
  const fromMs = todayMs - pastDays * dayMs
  // What an import left is merged a minute later; the log says when.
  const own = { ...context, environment: { ...context.environment, SLUICE_LOG_LEVEL: 'info' } }
  let past: unknown
  const prepare = async (folder: string): Promise<void> => {
    context.say(`questions: filling the table with ${String(rows)} rows, ${state}`)
    const options: PastEvents = { folder: join(folder, 'core/warehouse'), rows, projectId, fromMs, state }
    const file = new URL('../load/past-events.ts', import.meta.url)
    past = await runProgram(file, [JSON.stringify(options)], { pinning: own.pinning, place: 'server' })
  }
  return withInstallation(
    own,
    async (installation) => {
      const questions = questionsOver(fromMs, todayMs + dayMs)
      for (const [path, body] of Object.values(questions)) await installation.question(path, body)
      const mergedSeconds = state === 'import' ? await untilMerged(installation, mergeSecondsMax) : undefined
      const pids = installation.pids()
      await context.run(`questions: ${String(eventsPerSecond)} events a second for ${String(seconds)} s`, [
        pids.supervisor,
      ])
      const loading = steadyLoad(own.pinning, installation, {
        eventsPerSecond,
        seconds,
        batch: eventsPerRequest,
        seed: 0,
      })
      let isLoading = true
      const loaded = loading.finally(() => (isLoading = false))
      const asking = askInTurn(installation, questions, () => isLoading)
      const following = followMarkers(installation, { run: 0, seconds, markersPerSecond, pollMs: markerPollMs })
      const [load, times, markers] = await Promise.all([loaded, asking, following])
      const proof = await proofOf(installation, [load, markers.sent], { acceptedFromMs: todayMs })
      const freshness = percentilesOf(markers.delaysMs)
      const counted = Object.entries(times).map(([name, ms]) => `${name} ${String(ms.length)}`)
      const isEnough = Object.values(times).every((ms) => ms.length >= timesMin)
      return {
        part: `questions over ${String(rows)} events, ${state === 'live' ? 'as live traffic left them' : 'as an import left them'}`,
        figures: [
          ...questionFigures('counts per day by event, 30 days', times.perDay, targets.questions.perDayP95Ms),
          ...questionFigures(
            'broken down by a property, 30 days',
            times.perProperty,
            targets.questions.perPropertyP95Ms,
          ),
          ...questionFigures('funnel of three steps, 30 days', times.funnel, targets.questions.funnelP95Ms),
          ...figuresOf(`meanwhile, ${String(eventsPerSecond)} events/s`, [
            { what: 'acknowledged', unit: 'events/s', runs: [load.eventsPerSecond] },
            { what: 'acknowledged to queryable, p50', unit: 'ms', runs: [freshness.p50] },
            {
              what: 'acknowledged to queryable, p99',
              unit: 'ms',
              runs: [freshness.p99],
              target: targets.freshness.p99Ms,
            },
          ]),
        ],
        proof,
        notes: [
          noiseNote([load]),
          ...(state === 'import' ? [mergeNote(mergedSeconds)] : []),
          `The generator runs on the same cores. Asked in turn without a pause: ${counted.join(', ')}${isEnough ? '' : `; fewer than ${String(timesMin)} say little about p95`}.`,
        ],
        details: { past, mergedSeconds, load, times, freshness },
      }
    },
    { prepare },
  )
}

/** Seconds until maintenance had merged the parts; undefined when it did not. */
async function untilMerged(installation: Installation, secondsMax: number): Promise<number | undefined> {
  const beganMs = performance.now()
  while (performance.now() - beganMs < secondsMax * 1000) {
    const lines = await installation.lastLog(logLinesMax)
    if (lines.some((line) => line.includes(mergedLine))) return (performance.now() - beganMs) / 1000
    await sleep(1000)
  }
  return undefined
}

function mergeNote(seconds: number | undefined): string {
  if (seconds === undefined)
    return 'The parts of the import were not merged before; the figures are those of parts that all have the same days.'
  return `Measured after maintenance had merged the parts of the import, ${seconds.toFixed(0)} s after the start.`
}

function questionsOver(fromMs: number, toMs: number): Readonly<Record<Name, readonly [path: string, body: object]>> {
  const period = { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }
  const trend = { series: [{ math: 'total' }], ...period, interval: 'day' }
  const steps = ['$pageview', 'product viewed', 'order completed'].map((event) => ({ event }))
  return {
    perDay: ['trend', { ...trend, breakdowns: [{ kind: 'event' }], breakdown_limit: 25 }],
    perProperty: ['trend', { ...trend, breakdowns: [{ kind: 'property', property: '$browser' }] }],
    funnel: ['funnel', { steps, ...period }],
  }
}

async function askInTurn(
  installation: Installation,
  questions: ReturnType<typeof questionsOver>,
  goesOn: () => boolean,
): Promise<Readonly<Record<Name, readonly number[]>>> {
  const times: Record<Name, number[]> = { perDay: [], perProperty: [], funnel: [] }
  const names: readonly Name[] = ['perDay', 'perProperty', 'funnel']
  while (goesOn()) {
    for (const name of names) {
      const [path, body] = questions[name]
      const startedMs = performance.now()
      await installation.question(path, body)
      times[name].push(performance.now() - startedMs)
    }
  }
  return times
}

function questionFigures(of: string, times: readonly number[], p95Ms: number) {
  const { p50, p95, max } = percentilesOf(times)
  return figuresOf(of, [
    { what: 'p50', unit: 'ms', runs: [p50] },
    { what: 'p95', unit: 'ms', runs: [p95], target: p95Ms },
    { what: 'max', unit: 'ms', runs: [max] },
  ])
}
