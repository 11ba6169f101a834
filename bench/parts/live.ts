/**
 * Events to those who look on: how soon, and what it costs the others.
 *
 * How soon: under a steady load of single events one reader follows everything. Among the events this process sends
 * markers, notes when each is acknowledged, and finds it in the stream.
 * What it costs: how fast the log is drained into rows with many readers, some of whom never read, against without. Runs take
 * turns, so that a change of the machine's mood meets both.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { BenchContext } from '../bench-context.ts'
import { nodeFlags } from '../host/run-program.ts'
import type { Installation } from '../installation.ts'
import type { FollowPlan, FollowResult } from '../load/follow-plan.ts'
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
import { drain, fill } from './flow.ts'
import type { FlowRun } from './flow.ts'

const readers = 150
const stuckReaders = 50
const arrivalTimeoutMs = 30_000
const follower = fileURLToPath(new URL('../load/follow-live.ts', import.meta.url))

export async function measureLive(context: BenchContext): Promise<PartResult> {
  const { seconds, eventsPerSecond, markersPerSecond, drain: drained } = context.sizes.live
  return withInstallation(context, async (installation) => {
    const sent: Sent[] = []
    const delays: Percentiles[] = []
    const loads: LoadResult[] = []
    for (let run = 0; run < context.sizes.runs; run++) {
      const what = `live: ${String(eventsPerSecond)} events a second for ${String(seconds)} s, run ${String(run + 1)}`
      await context.run(what, [installation.pids().supervisor])
      const [load, markers] = await Promise.all([
        steadyLoad(context.pinning, installation, {
          eventsPerSecond: eventsPerSecond - markersPerSecond,
          seconds,
          batch: 1,
          seed: run,
        }),
        followMarkers(installation, seconds, markersPerSecond),
      ])
      loads.push(load)
      sent.push(load, markers.sent)
      delays.push(percentilesOf(markers.delaysMs))
    }

    context.say('live: warming up the drain')
    sent.push(await fill(context, installation, drained.warmup, 1000))
    await installation.drained()
    const alone: FlowRun[] = []
    const watched: (FlowRun & { readonly followed: FollowResult })[] = []
    for (let run = 0; run < context.sizes.runs; run++) {
      for (const withReaders of run % 2 === 0 ? [false, true] : [true, false]) {
        const followed = withReaders ? await startFollowing(context, installation) : undefined
        context.say(`live: filling the log, run ${String(run + 1)}`)
        installation.pauseCore()
        const filled = await fill(context, installation, drained.measured, 2000 + 2 * run + (withReaders ? 1 : 0))
        sent.push(filled)
        const what = `live: ${String(filled.acknowledgedEvents)} events wait, ${withReaders ? 'many look on' : 'nobody looks on'}`
        await context.run(what, [installation.pids().supervisor])
        const drainRun = await drain(installation, filled.acknowledgedEvents)
        if (followed === undefined) alone.push(drainRun)
        else watched.push({ ...drainRun, followed: await followed.end() })
      }
    }
    const proof = await proofOf(installation, sent)
    return {
      part: 'acknowledged to the live stream',
      figures: [
        ...figuresOf(`one reader, ${String(eventsPerSecond)} events/s, single`, [
          { what: 'p50', unit: 'ms', runs: delays.map(({ p50 }) => p50), target: targets.live.p50Ms },
          { what: 'p99', unit: 'ms', runs: delays.map(({ p99 }) => p99), target: targets.live.p99Ms },
          { what: 'max', unit: 'ms', runs: delays.map(({ max }) => max) },
        ]),
        ...figuresOf(`log to rows, ${String(drained.measured)} events`, [
          { what: 'rate without readers', unit: 'rows/s', runs: alone.map(({ rowsPerSecond }) => rowsPerSecond) },
          {
            what: `rate with ${String(readers + stuckReaders)} readers`,
            unit: 'rows/s',
            runs: watched.map(({ rowsPerSecond }) => rowsPerSecond),
          },
          {
            what: 'the first as multiple of the second',
            unit: '×',
            runs: alone.map(({ rowsPerSecond }, run) => rowsPerSecond / (watched[run]?.rowsPerSecond ?? Number.NaN)),
            target: targets.live.slowdown,
          },
          {
            what: 'CPU of the core without readers',
            unit: 'µs an event',
            runs: alone.map(({ cpuUsPerEvent }) => cpuUsPerEvent),
          },
          { what: 'CPU of the core with them', unit: 'µs an event', runs: watched.map((run) => run.cpuUsPerEvent) },
          {
            what: 'sent to the readers that read',
            unit: 'MB/s',
            runs: watched.map(({ followed, seconds: took }) => followed.bytes / 1e6 / took),
          },
        ]),
      ],
      proof,
      notes: [
        noiseNote([...loads, ...alone, ...watched]),
        `${String(seconds * markersPerSecond)} markers a run. The stream can be faster than the acknowledgement: that counts as 0 ms.`,
        `${String(stuckReaders)} of the ${String(readers + stuckReaders)} readers never read from their sockets; ${String(watched.reduce((sum, { followed }) => sum + followed.ended, 0))} streams ended early.`,
      ],
      details: { delays, loads, alone, watched },
    }
  })
}

/** Sends markers and looks for them among all events of the stream. */
async function followMarkers(
  installation: Installation,
  seconds: number,
  markersPerSecond: number,
): Promise<{ readonly delaysMs: readonly number[]; readonly sent: Sent }> {
  const acknowledgedMs = new Map<string, number>()
  const arrivedMs = new Map<string, number>()
  const stream = await openStream(installation)
  let rest = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const nowMs = performance.now()
    const frames = (rest + chunk).split('\n\n')
    rest = frames.pop() ?? ''
    for (const frame of frames) {
      const uuid = /"uuid":"([^"]+)","event":"bench marker"/.exec(frame)?.[1]
      if (uuid !== undefined) arrivedMs.set(uuid, nowMs)
    }
  })
  const marked = { name: 'bench marker', seconds, perSecond: markersPerSecond }
  const sent = await sendMarkers(installation, marked, (uuid, atMs) => acknowledgedMs.set(uuid, atMs))
  const giveUpMs = performance.now() + arrivalTimeoutMs
  const isThere = (uuid: string): boolean => arrivedMs.has(uuid)
  while (![...acknowledgedMs.keys()].every(isThere)) {
    if (performance.now() > giveUpMs) {
      const missing = [...acknowledgedMs.keys()].filter((uuid) => !isThere(uuid)).length
      throw new Error(`${String(missing)} markers never came on the live stream.`)
    }
    await sleep(20)
  }
  stream.destroy()
  return {
    delaysMs: [...acknowledgedMs].map(([uuid, ms]) => Math.max(0, (arrivedMs.get(uuid) ?? Number.NaN) - ms)),
    sent,
  }
}

async function openStream(installation: Installation): Promise<IncomingMessage> {
  const { port, path, authorization } = await installation.liveStream()
  const asked = request({ host: '127.0.0.1', port, path, headers: { authorization }, agent: false })
  asked.end()
  const [stream] = (await once(asked, 'response')) as [IncomingMessage]
  if (stream.statusCode !== 200) throw new Error(`The live stream answered ${String(stream.statusCode)}.`)
  // It is destroyed in the end.
  stream.on('error', () => undefined)
  return stream
}

/** All readers, in a process of their own beside the load generator's place. */
async function startFollowing({ pinning }: BenchContext, installation: Installation) {
  const plan: FollowPlan = { ...(await installation.liveStream()), readers, stuckReaders }
  const args = [...nodeFlags, follower, JSON.stringify(plan)]
  const [program, programArgs] = pinning.command('generator', process.execPath, args)
  const child = spawn(program, programArgs, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  if (first.done === true) throw new Error('The readers did not come up.')
  return {
    async end(): Promise<FollowResult> {
      child.stdin.end()
      const last = await lines.next()
      if (last.done === true) throw new Error('The readers died.')
      return JSON.parse(last.value) as FollowResult
    },
  }
}
