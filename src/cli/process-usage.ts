/** Memory and CPU of a process and of those that it started, from /proc. */
import { readdirSync, readFileSync } from 'node:fs'

export interface Usage {
  /** Resident memory; pages that several processes share count once where the kernel tells. */
  readonly memoryBytes: number
  /** User and system time since the start. */
  readonly cpuSeconds: number
}

/** The unit of times in /proc/<pid>/stat, the same on every Linux. */
const ticksPerSecond = 100
const kibibyte = 1024

/** Null where there is no /proc, or the process is gone. `descendants` adds what it started, dead or alive. */
export function usageOf(pid: number, options: { readonly descendants: boolean }): Usage | null {
  const own = statOf(pid)
  if (own === undefined) return null
  if (!options.descendants) return { memoryBytes: residentBytes(pid), cpuSeconds: own.ownTicks / ticksPerSecond }
  const family = [pid, ...descendantsOf(pid)]
  const ticks = family
    .map((member) => statOf(member))
    .map((stat) => (stat === undefined ? 0 : stat.ownTicks + stat.childTicks))
  const bytes = family.length === 1 ? [residentBytes(pid)] : family.map(proportionalBytes)
  return { memoryBytes: sum(bytes), cpuSeconds: sum(ticks) / ticksPerSecond }
}

function descendantsOf(root: number): readonly number[] {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined
    if (stat !== undefined) children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid])
  }
  const found: number[] = []
  const waiting = [root]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const own = children.get(next) ?? []
    found.push(...own)
    waiting.push(...own)
  }
  return found
}

function statOf(
  pid: number,
): { readonly parent: number; readonly ownTicks: number; readonly childTicks: number } | undefined {
  const stat = contentOf(`/proc/${String(pid)}/stat`)
  if (stat === undefined) return undefined
  // The name in field 2 may hold anything; after its bracket comes field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  return { parent: field(4), ownTicks: field(14) + field(15), childTicks: field(16) + field(17) }
}

function residentBytes(pid: number): number {
  return kibibytesIn(contentOf(`/proc/${String(pid)}/status`), 'VmRSS')
}

/** Shared pages are divided among those who share them; the kernel tells only the owner of the process and root. */
function proportionalBytes(pid: number): number {
  const rollup = contentOf(`/proc/${String(pid)}/smaps_rollup`)
  return rollup === undefined ? residentBytes(pid) : kibibytesIn(rollup, 'Pss')
}

function kibibytesIn(text: string | undefined, name: string): number {
  const digits = text === undefined ? undefined : new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]
  return Number(digits ?? 0) * kibibyte
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, next) => total + next, 0)
}
