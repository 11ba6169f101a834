/**
 * One well-behaved client, first alone and then beside hostile ones of every kind: what it notices, what memory the edge takes, and
 * whether every acknowledged event is a row.
 *
 * No proxy is trusted here, so that the well-behaved client is a source with a budget like everybody else.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { BenchContext } from '../bench-context.ts'
import { memoryOf } from '../host/proc.ts'
import { nodeFlags } from '../host/run-program.ts'
import { projectToken } from '../installation.ts'
import type { Installation } from '../installation.ts'
import type { HostilePlan, HostileResult } from '../load/hostile-plan.ts'
import type { LoadResult } from '../load/load-plan.ts'
import { steadyLoad } from '../load/steady-load.ts'
import { proofOf } from '../proof.ts'
import type { Sent } from '../proof.ts'
import { figuresOf } from '../report/figure.ts'
import type { PartResult } from '../report/figure.ts'
import { noiseNote } from '../report/noise-note.ts'
import { targets } from '../report/targets.ts'
import { withInstallation } from '../with-installation.ts'

const attackers = fileURLToPath(new URL('../load/hostile-clients.ts', import.meta.url))
const sampleMs = 250
const bytesPerMb = 1e6

interface HostileRun {
  readonly alone: LoadResult
  readonly beside: LoadResult
  readonly hostile: HostileResult
  /** Most that was seen while the hostile clients were at work. */
  readonly edgeMbMax: number
}

export async function measureHostile(context: BenchContext): Promise<PartResult> {
  const { seconds, eventsPerSecond, clients } = context.sizes.hostile
  const environment = { ...context.environment, SLUICE_EDGE_TRUSTED_PROXIES: 'none' }
  return withInstallation({ ...context, environment }, async (installation) => {
    const runs: HostileRun[] = []
    // Compilers and caches get warm.
    const warmup = await steadyLoad(context.pinning, installation, { eventsPerSecond, seconds: 3, batch: 1, seed: 99 })
    const sent: Sent[] = [warmup]
    for (let run = 0; run < context.sizes.runs; run++) {
      await context.run(`hostile: ${String(seconds)} s alone, ${String(seconds)} s beside, run ${String(run + 1)}`, [
        installation.pids().supervisor,
      ])
      const load = { eventsPerSecond, seconds, batch: 1, diskFolder: installation.folder }
      const alone = await steadyLoad(context.pinning, installation, { ...load, seed: 2 * run })
      const attack = await startAttack(context, installation, { seconds: seconds + 2, clients, seed: run })
      const memory = watchMemory(installation.pids().edge)
      const beside = await steadyLoad(context.pinning, installation, { ...load, seed: 2 * run + 1 })
      const hostile = await attack.end()
      runs.push({ alone, beside, hostile, edgeMbMax: memory.end() })
      sent.push(alone, beside, { ...hostile, firstProblem: null })
    }
    const proof = await proofOf(installation, sent)
    const [first] = runs
    const leftAloneRatios = runs.flatMap(({ alone, beside }) =>
      alone.leftAlone === null || beside.leftAlone === null
        ? []
        : [beside.leftAlone.latencyMs.p99 / alone.leftAlone.latencyMs.p99],
    )
    return {
      part: 'hostile clients',
      figures: figuresOf(`${String(eventsPerSecond)} single events/s, beside ${String(clients)} hostile clients`, [
        { what: 'p50 alone', unit: 'ms', runs: runs.map(({ alone }) => alone.latencyMs.p50) },
        { what: 'p50 beside them', unit: 'ms', runs: runs.map(({ beside }) => beside.latencyMs.p50) },
        { what: 'p99 alone', unit: 'ms', runs: runs.map(({ alone }) => alone.latencyMs.p99) },
        { what: 'p99 beside them', unit: 'ms', runs: runs.map(({ beside }) => beside.latencyMs.p99) },
        {
          what: 'p99 beside them / alone',
          unit: 'times',
          runs: runs.map(({ alone, beside }) => beside.latencyMs.p99 / alone.latencyMs.p99),
          target: targets.hostile.slowdown,
        },
        // In a run with next to no such second there is none.
        ...(leftAloneRatios.length === 0
          ? []
          : [
              {
                what: 'p99 beside them / alone, seconds that the host left alone',
                unit: 'times',
                runs: leftAloneRatios,
              },
            ]),
        {
          what: 'events of it that were not taken',
          unit: 'events',
          runs: runs.map(({ beside }) => beside.unacknowledgedEvents),
          target: 0,
        },
        {
          what: 'resident memory of the edge, most',
          unit: 'MB',
          runs: runs.map(({ edgeMbMax }) => edgeMbMax),
          target: targets.hostile.edgeMb,
        },
      ]),
      proof,
      notes: [
        noiseNote(runs.flatMap(({ alone, beside }) => [alone, beside])),
        `Seconds in which the disk stalled (512 bytes took more than 10 ms to be synced) and the longest, alone and beside them: ${runs.map(({ alone, beside }) => `${wordsOfStalls(alone)} and ${wordsOfStalls(beside)}`).join('; ')}.`,
        `In seconds that the host left alone (it kept at most 10 ms of both cores, and the disk did not stall), p99 alone and beside them: ${runs.map(({ alone, beside }) => `${leftAloneOf(alone)} and ${leftAloneOf(beside)}`).join('; ')}.`,
        `The cap of the edge's memory: bodies being read (256 MiB) and waiting for the disk (64 MiB), an inflation, 32 bodies that wait for one, and 200 MB for code, connections and garbage.`,
        ...(first === undefined ? [] : [`Run 1, what became of the hostile clients: ${wordsOf(first.hostile)}.`]),
      ],
      details: { runs },
    }
  })
}

function leftAloneOf({ leftAlone }: LoadResult): string {
  if (leftAlone === null) return 'unknown (it left next to none alone)'
  const { shareOfAnswers, latencyMs } = leftAlone
  return `${latencyMs.p99.toFixed(1)} ms (of ${(100 * shareOfAnswers).toFixed(0)} % of the answers)`
}

function wordsOfStalls({ diskStalls: { seconds, longestMs } }: LoadResult): string {
  return `${String(seconds)} (${longestMs.toFixed(1)} ms)`
}

async function startAttack(
  { pinning }: BenchContext,
  installation: Installation,
  options: Pick<HostilePlan, 'seconds' | 'clients' | 'seed'>,
) {
  const plan: HostilePlan = { port: installation.port, token: projectToken, ...options }
  const args = [...nodeFlags, attackers, JSON.stringify(plan)]
  const [program, programArgs] = pinning.command('attackers', process.execPath, args)
  const child = spawn(program, programArgs, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const begun = await lines.next()
  if (begun.done === true) throw new Error('The hostile clients did not come up.')
  return {
    async end(): Promise<HostileResult> {
      const last = await lines.next()
      if (last.done === true) throw new Error('The hostile clients died.')
      return JSON.parse(last.value) as HostileResult
    },
  }
}

function watchMemory(pid: number) {
  let most = 0
  const look = (): void => {
    most = Math.max(most, memoryOf(pid).rssBytes)
  }
  const timer = setInterval(look, sampleMs)
  return {
    end(): number {
      look()
      clearInterval(timer)
      return most / bytesPerMb
    },
  }
}

function wordsOf({ byKind }: HostileResult): string {
  return Object.entries(byKind)
    .map(([kind, { connections, broken, answers }]) => {
      const statuses = Object.entries(answers).map(([status, count]) => `${String(count)} × ${status}`)
      return `${kind}: ${String(connections)} connections, ${String(broken)} broken${statuses.length === 0 ? '' : `, ${statuses.join(', ')}`}`
    })
    .join('; ')
}
