/** The floors: what the bare things below Sluice cost here and now. A figure says little without the floor of the same run. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { BenchContext } from '../bench-context.ts'
import type { AppendOptions, AppendResult } from '../floors/append-plan.ts'
import type { InsertOptions, InsertResult } from '../floors/insert-plan.ts'
import { nodeFlags, runProgram } from '../host/run-program.ts'
import { loadCases, planOf } from '../load/load-cases.ts'
import type { CaseName, LoadCase } from '../load/load-cases.ts'
import type { LoadResult } from '../load/load-plan.ts'
import { runLoad } from '../load/run-load.ts'
import { figuresOf } from '../report/figure.ts'
import type { Figure, PartResult } from '../report/figure.ts'
import { summaryOf } from '../statistics.ts'

/** Medians. */
export interface DoorFloors {
  readonly httpUsPerEvent: Readonly<Record<CaseName, number>>
  readonly syncP50Ms: Readonly<Record<CaseName, number>>
  readonly syncP99Ms: Readonly<Record<CaseName, number>>
}

export interface WarehouseFloor {
  readonly usPerRow: number
  readonly rowsPerSecond: number
}

const rowsPerBlock = 20_000

export async function measureDoorFloors(context: BenchContext): Promise<{ part: PartResult; floors: DoorFloors }> {
  const cases = loadCases(context.sizes)
  const http = new Map<CaseName, LoadResult[]>(cases.map(({ name }) => [name, []]))
  const append = new Map<CaseName, AppendResult[]>(cases.map(({ name }) => [name, []]))
  await inFolder(context, async (folder) => {
    for (let run = 0; run < context.sizes.runs; run++) {
      for (const one of cases) {
        await context.run(`floors: bare node:http, ${one.title}, run ${String(run + 1)}`, [])
        http.get(one.name)?.push(await bareHttp(context, one, run))
        // To the disk a compressed body is what it was before.
        if (one.gzip) continue
        await context.run(`floors: bare append and sync, ${one.title}, run ${String(run + 1)}`, [])
        append.get(one.name)?.push(await bareAppend(context, one, folder))
      }
    }
  })
  const httpRuns = (name: CaseName) => http.get(name) ?? []
  const appendRuns = (name: CaseName) => append.get(name === 'gzip' ? 'batch' : name) ?? []
  const median = <T>(runs: readonly T[], value: (run: T) => number) => summaryOf(runs.map(value)).median
  const byCase = (value: (name: CaseName) => number) => ({
    single: value('single'),
    batch: value('batch'),
    gzip: value('gzip'),
  })
  const figures: Figure[] = cases.flatMap(({ name, title, gzip }) => [
    ...figuresOf(`bare node:http, ${title}`, [
      { what: 'CPU', unit: 'µs an event', runs: httpRuns(name).map(({ cpuUsPerEvent }) => cpuUsPerEvent) },
      { what: 'p99', unit: 'ms', runs: httpRuns(name).map(({ latencyMs }) => latencyMs.p99) },
    ]),
    ...(gzip ? [] : appendFigures(title, appendRuns(name))),
  ])
  return {
    part: {
      part: 'floors of the door',
      figures,
      notes: [],
      details: { http: Object.fromEntries(http), append: Object.fromEntries(append) },
    },
    floors: {
      httpUsPerEvent: byCase((name) => median(httpRuns(name), (run) => run.cpuUsPerEvent)),
      syncP50Ms: byCase((name) => median(appendRuns(name), (run) => run.syncMs.p50)),
      syncP99Ms: byCase((name) => median(appendRuns(name), (run) => run.syncMs.p99)),
    },
  }
}

export async function measureWarehouseFloor(
  context: BenchContext,
): Promise<{ part: PartResult; floor: WarehouseFloor }> {
  const runs: InsertResult[] = []
  for (let run = 0; run < context.sizes.runs; run++) {
    await context.run(`floors: bare chDB insert, run ${String(run + 1)}`, [])
    await inFolder(context, async (folder) => {
      const options: InsertOptions = { folder, rows: context.sizes.floors.rows, rowsPerBlock }
      const file = new URL('../floors/warehouse-insert.ts', import.meta.url)
      const printed = await runProgram(file, [JSON.stringify(options)], { pinning: context.pinning, place: 'server' })
      runs.push(printed as InsertResult)
    })
  }
  const cpu = runs.map(({ cpuUsPerRow }) => cpuUsPerRow)
  const rates = runs.map(({ rowsPerSecond }) => rowsPerSecond)
  return {
    part: {
      part: 'floor of the warehouse',
      figures: figuresOf(`bare chDB insert, blocks of ${String(rowsPerBlock)}`, [
        { what: 'CPU', unit: 'µs a row', runs: cpu },
        { what: 'rate', unit: 'rows/s', runs: rates },
      ]),
      notes: [],
      details: { insert: runs },
    },
    floor: { usPerRow: summaryOf(cpu).median, rowsPerSecond: summaryOf(rates).median },
  }
}

function appendFigures(title: string, runs: readonly AppendResult[]): readonly Figure[] {
  return figuresOf(`bare append and sync, ${title}`, [
    { what: 'CPU', unit: 'µs an event', runs: runs.map(({ cpuUsPerEvent }) => cpuUsPerEvent) },
    { what: 'sync p50', unit: 'ms', runs: runs.map(({ syncMs }) => syncMs.p50) },
    { what: 'sync p99', unit: 'ms', runs: runs.map(({ syncMs }) => syncMs.p99) },
    { what: 'rate', unit: 'events/s', runs: runs.map(({ eventsPerSecond }) => eventsPerSecond) },
  ])
}

async function bareHttp({ pinning }: BenchContext, one: LoadCase, run: number): Promise<LoadResult> {
  const file = fileURLToPath(new URL('../floors/http-server.ts', import.meta.url))
  const [program, args] = pinning.command('server', process.execPath, [...nodeFlags, file])
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    // Printed by http-server.ts.
    const { port } = JSON.parse(line) as { readonly port: number }
    const pid = child.pid ?? 0
    return await runLoad(planOf(one, { port, token: 'phc_floor', measuredPid: pid, ownPids: [pid] }, run), pinning)
  } finally {
    child.stdin.end()
    await once(child, 'exit')
  }
}

async function bareAppend({ pinning }: BenchContext, one: LoadCase, folder: string): Promise<AppendResult> {
  const { batch, connections, size } = one
  const options: AppendOptions = { folder, batch, clients: connections, requests: Math.ceil(size.measured / batch) }
  const file = new URL('../floors/append-and-sync.ts', import.meta.url)
  return (await runProgram(file, [JSON.stringify(options)], { pinning, place: 'server' })) as AppendResult
}

async function inFolder(context: BenchContext, work: (folder: string) => Promise<void>): Promise<void> {
  await mkdir(context.dataParent, { recursive: true })
  const folder = await mkdtemp(join(context.dataParent, 'floor-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
