/**
 * The door: what an event costs the edge from the socket to the acknowledgement, with duplicate check and fsync.
 *
 * The core is stopped (SIGSTOP) while the edge is measured: both would share one core, and latency and rate would then say
 * how they divide it. CPU an event is that of the edge alone either way; a run with the core at work stands beside it.
 */
import { withInstallation } from '../with-installation.ts'
import type { BenchContext } from '../bench-context.ts'
import { projectToken } from '../installation.ts'
import type { Installation } from '../installation.ts'
import { loadCases, planOf } from '../load/load-cases.ts'
import type { LoadCase } from '../load/load-cases.ts'
import type { LoadResult } from '../load/load-plan.ts'
import { runLoad } from '../load/run-load.ts'
import { proofOf } from '../proof.ts'
import { figuresOf } from '../report/figure.ts'
import type { Figure, PartResult } from '../report/figure.ts'
import { noiseNote } from '../report/noise-note.ts'
import { targets } from '../report/targets.ts'
import type { DoorFloors } from './floors.ts'

interface Measured {
  readonly title: string
  readonly one: LoadCase
  readonly isCoreAtWork: boolean
  readonly runs: LoadResult[]
  /** The same under the checkout that this one is held against, run by run. */
  readonly before: LoadResult[]
}

export async function measureCapture(context: BenchContext, floors: DoorFloors): Promise<PartResult> {
  const { against } = context
  const cases = loadCases(context.sizes)
  const measuredOf = (one: LoadCase, isCoreAtWork: boolean): Measured => ({
    title: isCoreAtWork ? `${one.title}, the core at work` : one.title,
    one,
    isCoreAtWork,
    runs: [],
    before: [],
  })
  const all: readonly Measured[] = [
    ...cases.map((one) => measuredOf(one, false)),
    ...cases.filter(({ name }) => name === 'single').map((one) => measuredOf(one, true)),
  ]
  const measure = async (installation: Installation, earlier: Installation | undefined): Promise<PartResult> => {
    await installation.limitEvents()
    for (let run = 0; run < context.sizes.runs; run++) {
      for (const measured of all) {
        const both = [installation, earlier].filter((one) => one !== undefined)
        const supervisors = both.map((one) => one.pids().supervisor)
        await context.run(`capture: ${measured.title}, run ${String(run + 1)}`, supervisors)
        if (earlier !== undefined) measured.before.push(await loadOnce(context, earlier, measured, run, installation))
        measured.runs.push(await loadOnce(context, installation, measured, run, earlier))
      }
    }
    context.say('capture: counting what arrived')
    const proof = await proofOf(
      installation,
      all.flatMap(({ runs }) => runs),
    )
    return {
      part: 'capture',
      figures: all.flatMap((measured) => [
        ...doorFigures(measured, floors),
        ...(against === undefined ? [] : comparison(measured, against.revision)),
      ]),
      proof,
      notes: [
        'The core was stopped while the edge was measured, except where it says otherwise; all processes of the server share a core.',
        'Each event was checked for a duplicate and counted against a quota and a rate.',
        noiseNote(all.flatMap(({ runs }) => runs)),
        generatorNote(all.flatMap(({ runs }) => runs)),
        sizeNote(all),
      ],
      details: all.map(({ title, runs, before }) => ({ title, runs, before })),
    }
  }
  return withInstallation(context, (installation) =>
    against === undefined
      ? measure(installation, undefined)
      : withInstallation(context, (earlier) => measure(installation, earlier), { checkout: against.folder }),
  )
}

/** `idle` is another installation that must not take part. */
async function loadOnce(
  { pinning }: BenchContext,
  installation: Installation,
  { one, isCoreAtWork }: Measured,
  run: number,
  idle: Installation | undefined,
): Promise<LoadResult> {
  const { edge, supervisor } = installation.pids()
  const target = { port: installation.port, token: projectToken, measuredPid: edge, ownPids: [supervisor] }
  if (!isCoreAtWork) installation.pauseCore()
  idle?.pauseCore()
  try {
    return await runLoad(planOf(one, target, run), pinning)
  } finally {
    installation.resumeCore()
    // The next run begins with as little behind it as this one.
    await installation.drained()
    idle?.resumeCore()
  }
}

function comparison({ title, runs, before }: Measured, revision: string): readonly Figure[] {
  return figuresOf(`${title}, against ${revision}`, [
    {
      what: 'CPU of the edge before',
      unit: 'µs an event',
      runs: before.map(({ cpuUsPerEvent }) => cpuUsPerEvent),
    },
    {
      what: 'CPU now as multiple of it, run by run',
      unit: '×',
      runs: runs.map(({ cpuUsPerEvent }, run) => cpuUsPerEvent / (before[run]?.cpuUsPerEvent ?? NaN)),
      target: targets.growth,
    },
    { what: 'p99 before', unit: 'ms', runs: before.map(({ latencyMs }) => latencyMs.p99) },
  ])
}

function doorFigures({ title, one: { name }, isCoreAtWork, runs }: Measured, floors: DoorFloors): readonly Figure[] {
  const wanted = targets[name]
  const p99 = 'p99Ms' in wanted ? wanted.p99Ms : undefined
  const latency = (what: 'p50' | 'p95' | 'p99') => ({
    what,
    unit: 'ms',
    runs: runs.map(({ latencyMs }) => latencyMs[what]),
  })
  return figuresOf(title, [
    {
      what: 'CPU of the edge',
      unit: 'µs an event',
      runs: runs.map(({ cpuUsPerEvent }) => cpuUsPerEvent),
      floor: { name: 'bare node:http', value: floors.httpUsPerEvent[name] },
      ...(isCoreAtWork ? {} : { target: wanted.cpuUsPerEvent, moonshot: wanted.moonshot }),
    },
    {
      what: 'of it, the JavaScript thread',
      unit: 'µs an event',
      runs: runs.map(({ mainThreadUsPerEvent }) => mainThreadUsPerEvent),
    },
    { ...latency('p50'), floor: { name: 'p50 of the bare sync', value: floors.syncP50Ms[name] } },
    latency('p95'),
    {
      ...latency('p99'),
      floor: { name: 'p99 of the bare sync', value: floors.syncP99Ms[name] },
      ...(p99 === undefined || isCoreAtWork ? {} : { target: p99 }),
    },
    { what: 'rate', unit: 'events/s', runs: runs.map(({ eventsPerSecond }) => eventsPerSecond) },
  ])
}

function generatorNote(runs: readonly LoadResult[]): string {
  const most = Math.max(...runs.map(({ generatorCores }) => generatorCores)).toFixed(2)
  return `The generator used up to ${most} cores; near 1 it bounds the rate, not the server.`
}

function sizeNote(all: readonly Measured[]): string {
  const sizes = all
    .filter(({ isCoreAtWork }) => !isCoreAtWork)
    .map(
      ({ one, runs }) =>
        `${one.name} ${String(runs[0]?.jsonBytesPerEvent ?? 0)} (${String(runs[0]?.wireBytesPerEvent ?? 0)} on the wire)`,
    )
  return `Bytes of JSON an event, the body's own around it included: ${sizes.join(', ')}.`
}
