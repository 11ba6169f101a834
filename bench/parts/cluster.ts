/**
 * The cluster profile on real engines, one of each, started for the measurement: what an event costs from the socket to its row, by
 * process and in all. An edge and a core run under one supervisor, and the core is at work while events come: nothing of
 * what an event costs is left out.
 *
 * ClickHouse is a front over chDB where no server is installed: what its requests cost is told, how a server would share them out
 * among its threads is not.
 */
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { mkdtemp, rm } from 'node:fs/promises'
import { serviceSet } from '../../scripts/services/service-set.ts'
import type { ServiceSet } from '../../scripts/services/service-set.ts'
import type { BenchContext } from '../bench-context.ts'
import { cpuOf, usedUs } from '../host/proc.ts'
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
import { withInstallation } from '../with-installation.ts'

const engines = ['kafka', 'redis', 'postgres', 'clickhouse'] as const
type Engine = (typeof engines)[number]
const ours = ['edge', 'core'] as const
type Process = (typeof ours)[number] | Engine

const downloads = join(import.meta.dirname, '..', '..', '.services', 'downloads')

interface ClusterRun {
  readonly load: LoadResult
  /** From the first request to the last row. */
  readonly seconds: number
  readonly usPerEvent: Readonly<Record<Process, number>>
}

interface Measured {
  readonly one: LoadCase
  readonly runs: ClusterRun[]
}

export async function measureCluster(context: BenchContext): Promise<PartResult> {
  const folder = await mkdtemp(join(context.dataParent, 'bench-engines-'))
  const services = serviceSet({ folder, downloads, say: (line) => context.say(line) })
  try {
    const up = await services.up(engines)
    const environment = { ...context.environment, ...settingsFor(services.environment()) }
    const result = await withInstallation({ ...context, environment }, (installation) =>
      measureAll(context, installation, services),
    )
    const said = up.map(({ name, detail }) => `${name}: ${detail}`).join('; ')
    return { ...result, notes: [...result.notes, `Engines, pinned nowhere: ${said}.`] }
  } finally {
    await services.down()
    await rm(folder, { recursive: true, force: true })
  }
}

/** One broker and a Postgres that does not sync, as on any machine where engines are started for a moment. */
function settingsFor(addresses: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return {
    ...addresses,
    SLUICE_PROFILE: 'cluster',
    SLUICE_KAFKA_REPLICATION_FACTOR: '1',
    SLUICE_KAFKA_MIN_IN_SYNC_REPLICAS: '1',
    SLUICE_KAFKA_ALLOW_BUFFERED: 'yes',
    SLUICE_POSTGRES_ALLOW_UNSAFE: 'fsync,full_page_writes,synchronous_commit',
  }
}

async function measureAll(
  context: BenchContext,
  installation: Installation,
  services: ServiceSet,
): Promise<PartResult> {
  await installation.limitEvents()
  const all = loadCases(context.sizes).map((one): Measured => ({ one, runs: [] }))
  for (let run = 0; run < context.sizes.runs; run++) {
    for (const { one, runs } of all) {
      const pids = pidsOf(installation, services)
      await context.run(`cluster: ${one.title}, run ${String(run + 1)}`, Object.values(pids))
      runs.push(await measureOnce(context, installation, one, run, pids))
    }
  }
  context.say('cluster: counting what arrived')
  const redisBytes = await redisMemory(services)
  const loads = all.flatMap(({ runs }) => runs.map(({ load }) => load))
  const proof = await proofOf(installation, loads)
  return {
    part: 'cluster',
    figures: all.flatMap(figures),
    proof,
    notes: [
      'The core was at work while events came. CPU is what each process used from the first request until the last row was in the table.',
      'Each event was checked for a duplicate and counted against a quota and a rate, in Redis.',
      `Redis had ${(redisBytes / 1e6).toFixed(0)} MB afterwards: ${(redisBytes / Math.max(1, proof.stored)).toFixed(0)} bytes for each event in the window.`,
      noiseNote(loads),
    ],
    details: all.map(({ one, runs }) => ({ title: one.title, runs })),
  }
}

function pidsOf(installation: Installation, services: ServiceSet): Readonly<Record<Process, number>> {
  const { edge, core } = installation.pids()
  const [kafka, redis, postgres, clickhouse] = engines.map((engine) => services.pid(engine))
  return { edge, core, kafka: kafka ?? 0, redis: redis ?? 0, postgres: postgres ?? 0, clickhouse: clickhouse ?? 0 }
}

async function measureOnce(
  { pinning }: BenchContext,
  installation: Installation,
  one: LoadCase,
  run: number,
  pids: Readonly<Record<Process, number>>,
): Promise<ClusterRun> {
  const before = cpuOfEach(pids)
  const beganMs = performance.now()
  const target = {
    port: installation.port,
    token: projectToken,
    measuredPid: pids.edge,
    ownPids: [installation.pids().supervisor, ...engines.map((engine) => pids[engine])],
  }
  const load = await runLoad(planOf(one, target, run), pinning)
  await installation.drained()
  const seconds = (performance.now() - beganMs) / 1000
  const after = cpuOfEach(pids)
  const used = ([...ours, ...engines] as const).map((process) => [
    process,
    usedUs(before[process], after[process]) / load.acknowledgedEvents,
  ])
  return { load, seconds, usPerEvent: Object.fromEntries(used) as Record<Process, number> }
}

function cpuOfEach(pids: Readonly<Record<Process, number>>) {
  return {
    edge: cpuOf(pids.edge),
    core: cpuOf(pids.core),
    kafka: cpuOf(pids.kafka),
    redis: cpuOf(pids.redis),
    postgres: cpuOf(pids.postgres),
    clickhouse: cpuOf(pids.clickhouse),
  }
}

function figures({ one, runs }: Measured): readonly Figure[] {
  const sum = (some: readonly Process[]) =>
    runs.map(({ usPerEvent }) => some.reduce((us, name) => us + usPerEvent[name], 0))
  const cpu = (what: string, some: readonly Process[]) => ({
    what: `CPU of ${what}`,
    unit: 'µs an event',
    runs: sum(some),
  })
  return figuresOf(one.title, [
    cpu('the edge', ['edge']),
    cpu('the core', ['core']),
    ...engines.map((engine) => cpu(engine, [engine])),
    cpu('our processes', ours),
    cpu('the engines', engines),
    cpu('everything', [...ours, ...engines]),
    { what: 'rate at the door', unit: 'events/s', runs: runs.map(({ load }) => load.eventsPerSecond) },
    {
      what: 'rate until the last row is there',
      unit: 'rows/s',
      runs: runs.map(({ load, seconds }) => load.acknowledgedEvents / seconds),
    },
    { what: 'p50', unit: 'ms', runs: runs.map(({ load }) => load.latencyMs.p50) },
    { what: 'p99', unit: 'ms', runs: runs.map(({ load }) => load.latencyMs.p99) },
  ])
}

/** What Redis says that it keeps. */
function redisMemory(services: ServiceSet): Promise<number> {
  const { hostname, port } = new URL(services.environment()['REDIS_URL'] ?? '')
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) }, () => socket.write('INFO memory\r\n'))
    let text = ''
    socket.on('error', reject)
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const found = /^used_memory:(\d+)/m.exec(text)?.[1]
      if (found === undefined) return
      socket.destroy()
      resolve(Number(found))
    })
  })
}
