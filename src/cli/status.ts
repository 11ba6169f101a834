/** `sluice status`: what runs, what it takes, what waits where, and the books. */
import { askRole } from '../app/ask-role.ts'
import type { AskedRole } from '../app/ask-role.ts'
import type { Config } from '../app/config.ts'
import type { LaneStatus, RoleStatus } from '../app/role-status.ts'
import { roleSocket } from '../app/supervisor/data-folder.ts'
import type { ListedProcess } from '../app/supervisor/processes-file.ts'
import { isAlive, readProcessesFile } from '../app/supervisor/processes-file.ts'
import { messageOf } from '../kit/failure.ts'
import { usageOf } from './process-usage.ts'
import { table } from './table.ts'

export interface Status {
  readonly version: string
  readonly running: boolean
  readonly url: string | null
  readonly dataFolder: string
  readonly processes: readonly ProcessStatus[]
  /** Of the source lanes: those that the core here works on. */
  readonly partitions: readonly number[]
  readonly lanes: readonly LaneStatus[]
  readonly books: Readonly<Record<string, unknown>>
  /** What is wrong with the stores of the door here, in sentences. */
  readonly trouble: readonly string[]
  /** Roles that did not answer, and why. */
  readonly silent: Readonly<Record<string, string>>
}

export interface ProcessStatus {
  readonly role: string
  readonly state: string
  readonly pid: number | null
  readonly port: number | null
  readonly startedAt: string
  readonly restarts: number
  readonly memoryBytes: number | null
  readonly cpuSeconds: number | null
}

const roles = Object.keys(roleSocket) as AskedRole[]
const statusQuestion = { path: '/internal/status' }

/** Exit code 0 when Sluice runs on the data folder, else 1. */
export async function status(
  config: Config,
  options: { readonly json: boolean; readonly version: string },
): Promise<number> {
  const now = await statusOf(config.data.dir, options.version)
  process.stdout.write(options.json ? `${JSON.stringify(now, null, 2)}\n` : statusText(now))
  return now.running ? 0 : 1
}

async function statusOf(dataFolder: string, version: string): Promise<Status> {
  const file = readProcessesFile(dataFolder)
  const running = file?.processes.some((one) => one.role === 'supervisor' && isAlive(one)) ?? false
  if (file === undefined || !running) {
    return {
      version,
      running: false,
      url: null,
      dataFolder,
      processes: [],
      partitions: [],
      lanes: [],
      books: {},
      trouble: [],
      silent: {},
    }
  }
  // A socket's path may have 107 bytes; from inside the folder it is always short.
  process.chdir(dataFolder)
  const answers = await Promise.all(
    roles.map(async (role) => ({ role, answer: await askRole<RoleStatus>(role, statusQuestion).catch(messageOf) })),
  )
  const lanes = new Map<string, LaneStatus>()
  let books: Record<string, unknown> = {}
  let partitions: readonly number[] = []
  const trouble: string[] = []
  const silent: Record<string, string> = {}
  for (const { role, answer } of answers) {
    if (typeof answer === 'string') {
      silent[role] = answer
      continue
    }
    for (const lane of answer.lanes ?? []) lanes.set(lane.lane, lane)
    books = { ...books, ...answer.books }
    partitions = answer.partitions ?? partitions
    trouble.push(...(answer.trouble ?? []))
  }
  const processes = file.processes.map(processStatus)
  const { url } = file
  const seen = { processes, partitions, lanes: [...lanes.values()], books, trouble, silent }
  return { version, running, url, dataFolder, ...seen }
}

function processStatus(one: ListedProcess): ProcessStatus {
  const { role, state, pid, port, startedAt, restarts } = one
  // The other processes are the supervisor's children, and listed themselves.
  const usage = pid !== null && isAlive(one) ? usageOf(pid, { descendants: role !== 'supervisor' }) : null
  return {
    role,
    state,
    pid,
    port,
    startedAt,
    restarts,
    memoryBytes: usage?.memoryBytes ?? null,
    cpuSeconds: usage?.cpuSeconds ?? null,
  }
}

function statusText(now: Status): string {
  if (!now.running) return `Sluice does not run on ${now.dataFolder}.\n`
  const processes = table(
    ['process', 'state', 'pid', 'port', 'memory', 'CPU', 'restarts', 'since'],
    now.processes.map((one) => [
      one.role,
      one.state,
      shown(one.pid),
      shown(one.port),
      one.memoryBytes === null ? '–' : `${(one.memoryBytes / 1024 / 1024).toFixed(0)} MiB`,
      one.cpuSeconds === null ? '–' : `${one.cpuSeconds.toFixed(1)} s`,
      String(one.restarts),
      one.startedAt,
    ]),
  )
  const missing = Object.entries(now.silent).map(([role, why]) => `${role} says nothing: ${why}\n`)
  const books = Object.entries(now.books).map(([stage, counts]) => [stage, JSON.stringify(counts)])
  return [
    `Sluice ${now.version} at ${String(now.url)}, data in ${now.dataFolder}\n`,
    processes,
    ...missing,
    ...now.trouble.map((sentence) => `${sentence}\n`),
    ...sharedText(now),
    ...now.lanes.map(laneText),
    ...(books.length === 0 ? [] : [table(['books', ''], books)]),
  ].join('\n')
}

/** Nothing where one core has them all. */
function sharedText({ partitions, lanes }: Status): readonly string[] {
  const all = lanes[0]?.partitions.length ?? 0
  if (all === 0 || partitions.length === all) return []
  const own = partitions.length === 0 ? 'none' : partitions.join(', ')
  return [`The core here works on ${String(partitions.length)} of ${String(all)} partitions: ${own}\n`]
}

/** Partitions that nothing was ever written to are left out. */
function laneText({ lane, partitions }: LaneStatus): string {
  const rows = partitions
    .filter(({ end }) => end > 0)
    .flatMap(({ partition, end, readers }) =>
      (readers.length === 0 ? [undefined] : readers).map((reader) => [
        String(partition),
        String(end),
        reader?.name ?? '–',
        shown(reader?.offset),
        shown(reader?.lag),
        typeof reader?.oldestWaitingMs === 'number' ? `${String(Math.round(reader.oldestWaitingMs))} ms` : '–',
      ]),
    )
  return rows.length === 0
    ? `Lane ${lane} is empty.\n`
    : `Lane ${lane}\n${table(['partition', 'end', 'reader', 'next', 'lag', 'oldest waiting'], rows)}`
}

function shown(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : String(value)
}
