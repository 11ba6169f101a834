/**
 * `npm run bench -- [capture|flow|freshness|questions|live|hostile|idle|restart|cluster|floors|all] [--quick] [--json FILE] [--data FOLDER]
 * [--quiet CORES] [--log-gb N] [--import] [--one-core] [--against CHECKOUT]`
 * What is measured, how, and how to read it: bench/README.md. Exit code 1 when something was lost or doubled, never
 * because something was slow.
 */
import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { fullSizes, quickSizes } from './bench-context.ts'
import type { BenchContext } from './bench-context.ts'
import { conditionsOf } from './host/conditions.ts'
import { untilQuiet } from './host/noise.ts'
import { apart, shared } from './host/pinning.ts'
import { ownSettings } from './installation.ts'
import { measureCapture } from './parts/capture.ts'
import { measureCluster } from './parts/cluster.ts'
import { measureDoorFloors, measureWarehouseFloor } from './parts/floors.ts'
import { measureFlow } from './parts/flow.ts'
import { measureFreshness } from './parts/freshness.ts'
import { measureHostile } from './parts/hostile.ts'
import { measureIdle } from './parts/idle.ts'
import { measureLive } from './parts/live.ts'
import { measureQuestions } from './parts/questions.ts'
import { measureRestart } from './parts/restart.ts'
import type { PartResult } from './report/figure.ts'
import { markdownOf } from './report/markdown.ts'
import type { MeasuredPart } from './report/markdown.ts'
import { summaryOf } from './statistics.ts'
import { removeInstallations } from './with-installation.ts'

type Measure = (context: BenchContext, options: { readonly isImport: boolean }) => Promise<readonly PartResult[]>

/** A part that is held against floors measures them first: floors of another day say nothing. */
const measures: Readonly<Record<string, Measure>> = {
  async floors(context) {
    return [(await measureDoorFloors(context)).part, (await measureWarehouseFloor(context)).part]
  },
  async capture(context) {
    const { part, floors } = await measureDoorFloors(context)
    return [part, await measureCapture(context, floors)]
  },
  async flow(context) {
    const { part, floor } = await measureWarehouseFloor(context)
    return [part, await measureFlow(context, floor)]
  },
  freshness: async (context) => [await measureFreshness(context)],
  live: async (context) => [await measureLive(context)],
  questions: async (context, { isImport }) => [await measureQuestions(context, isImport ? 'import' : 'live')],
  hostile: async (context) => [await measureHostile(context)],
  idle: async (context) => [await measureIdle(context)],
  restart: async (context) => [await measureRestart(context)],
  // Not among `all`: it installs and starts four engines.
  cluster: async (context) => [await measureCluster(context)],
}
const everything = ['capture', 'flow', 'freshness', 'questions', 'live', 'hostile', 'idle', 'restart'] as const
/** Parts whose targets are for the machine as its users have it; the others put the server's processes on one core. */
const onSharedCores: ReadonlySet<string> = new Set(['questions', 'hostile'])

const root = dirname(import.meta.dirname)

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      data: { type: 'string' },
      quiet: { type: 'string' },
      'log-gb': { type: 'string' },
      import: { type: 'boolean', default: false },
      'one-core': { type: 'boolean', default: false },
      against: { type: 'string' },
    },
    allowPositionals: true,
  })
  const [what = 'all', surplus] = positionals
  const names = what === 'all' ? everything : [what]
  if (surplus !== undefined || names.some((name) => !Object.hasOwn(measures, name))) {
    process.stderr.write(`Say one of: ${[...Object.keys(measures), 'all'].join(', ')}.\n`)
    return 2
  }
  const jsonFile = values.json === undefined ? undefined : resolve(values.json)
  const dataParent = resolve(values.data ?? join(root, '.sluice'))
  // Sockets have short names from here, as long as the data lies below.
  process.chdir(root)
  await mkdir(dataParent, { recursive: true })

  const sizes = values.quick ? quickSizes : fullSizes
  const logBytes = values['log-gb'] === undefined ? sizes.restart.logBytes : Number(values['log-gb']) * 1e9
  const quietCores = values.quiet === undefined ? undefined : Number(values.quiet)
  const context: Omit<BenchContext, 'pinning'> = {
    dataParent,
    environment: process.env,
    sizes: { ...sizes, restart: { logBytes } },
    ...(values.against === undefined ? {} : { against: checkoutAt(resolve(values.against)) }),
    async run(line, ownPids) {
      if (quietCores !== undefined) await untilQuiet(quietCores, ownPids)
      process.stderr.write(`${line}\n`)
    },
    say: (line) => process.stderr.write(`${line}\n`),
  }
  const conditions = await conditionsOf({
    dataFolder: dataParent,
    environment: process.env,
    ownSettings: [...Object.keys(ownSettings), 'SLUICE_DATA_DIR'],
  })
  const parts: MeasuredPart[] = []
  for (const name of names) {
    const pinning = onSharedCores.has(name) && !values['one-core'] ? shared() : apart()
    const measured = await measures[name]?.({ ...context, pinning }, { isImport: values.import })
    parts.push(...(measured ?? []).map((part) => ({ ...part, pinning: pinning.description })))
  }

  process.stdout.write(
    `${values.quick ? 'QUICK: the figures below only show that everything runs.\n' : ''}${markdownOf(conditions, parts)}`,
  )
  const day = conditions.measuredAt.slice(0, 10)
  const kept = jsonFile ?? (values.quick ? undefined : join(import.meta.dirname, 'results', `${day}-${what}.json`))
  if (kept !== undefined) {
    const report = { what, quick: values.quick, sizes: context.sizes, conditions, parts: parts.map(withSummaries) }
    await mkdir(dirname(kept), { recursive: true })
    await writeFile(kept, `${JSON.stringify(report, null, 2)}\n`)
    await writeFile(kept.replace(/(\.json)?$/, '.md'), markdownOf(conditions, parts))
  }
  return parts.some(({ proof }) => (proof?.complaints.length ?? 0) > 0) ? 1 : 0
}

function checkoutAt(folder: string): NonNullable<BenchContext['against']> {
  const revision = execFileSync('git', ['-C', folder, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  return { folder, revision }
}

function withSummaries(part: MeasuredPart) {
  return { ...part, figures: part.figures.map((figure) => ({ ...figure, ...summaryOf(figure.runs) })) }
}

let interruption: Promise<never> | undefined

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interruption ??= removeInstallations().then(() => process.exit(130))
  })
}

try {
  process.exitCode = await main()
} catch (error) {
  // What is taken away from a part that runs makes it fail; that is no news then.
  if (interruption !== undefined) await interruption
  throw error
}
