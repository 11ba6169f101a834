/**
 * CPU and memory of processes, as /proc tells them (Linux).
 *
 * Words:
 * - family: a process, what it started, what those started, and what has the session of one of them (Postgres' guard
 *   leaves its parent, but not its session).
 * - tick: the unit in which the kernel counts CPU time, 10 ms; measure a second of CPU or more.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface CpuTime {
  readonly userUs: number
  readonly systemUs: number
}

export interface Memory {
  /** Resident pages, shared ones counted by everybody who has them. */
  readonly rssBytes: number
  /** The same with shared pages divided among those who share them; null when the kernel does not tell this user. */
  readonly pssBytes: number | null
}

export interface Member {
  readonly pid: number
  readonly name: string
}

interface Stat extends Member {
  readonly parent: number
  readonly session: number
  readonly own: CpuTime
  /** Of children that ended and were waited for. */
  readonly ended: CpuTime
}

const tickUs = 10_000

export function familyOf(root: number): readonly Member[] {
  const all = readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statOf(`/proc/${name}`) ?? []) : []))
  const found = new Map<number, Stat>()
  for (let before = -1; before !== found.size;) {
    before = found.size
    for (const one of all) {
      if (one.pid === root || found.has(one.parent) || found.has(one.session)) found.set(one.pid, one)
    }
  }
  return [...found.values()]
}

/** Of the whole family, those that ended included: what it has used since it began. */
export function cpuOf(root: number): CpuTime {
  return familyOf(root)
    .map(({ pid }) => statOf(`/proc/${String(pid)}`))
    .reduce<CpuTime>((sum, stat) => (stat === undefined ? sum : plus(plus(sum, stat.own), stat.ended)), zero)
}

/** Of the thread that runs JavaScript, for comparison with all threads. */
export function mainThreadCpuOf(pid: number): CpuTime {
  return statOf(`/proc/${String(pid)}/task/${String(pid)}`)?.own ?? zero
}

export function usedUs(before: CpuTime, after: CpuTime): number {
  return after.userUs + after.systemUs - before.userUs - before.systemUs
}

export function memoryOf(pid: number): Memory {
  const pss = kibibytesIn(contentOf(`/proc/${String(pid)}/smaps_rollup`), 'Pss')
  const rss = kibibytesIn(contentOf(`/proc/${String(pid)}/status`), 'VmRSS')
  return { rssBytes: (rss ?? 0) * 1024, pssBytes: pss === undefined ? null : pss * 1024 }
}

export interface MachineCpu {
  /** All that was run on any core. */
  readonly busyUs: number
  /** What the host kept for others while something here wanted to run. */
  readonly stolenUs: number
}

export function machineCpu(): MachineCpu {
  const line = (contentOf('/proc/stat') ?? '').split('\n', 1)[0] ?? ''
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) * tickUs)
  return { busyUs: user + nice + system + irq + softirq, stolenUs: steal }
}

export function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const zero: CpuTime = { userUs: 0, systemUs: 0 }

function plus(a: CpuTime, b: CpuTime): CpuTime {
  return { userUs: a.userUs + b.userUs, systemUs: a.systemUs + b.systemUs }
}

function statOf(folder: string): Stat | undefined {
  const text = contentOf(`${folder}/stat`)
  if (text === undefined) return undefined
  // The name is in brackets and may hold anything, brackets too.
  const nameEnd = text.lastIndexOf(')')
  const fields = text.slice(nameEnd + 2).split(' ')
  const field = (number: number) => Number(fields[number - 3])
  return {
    pid: Number(text.slice(0, text.indexOf(' '))),
    name: text.slice(text.indexOf('(') + 1, nameEnd),
    parent: field(4),
    session: field(6),
    own: { userUs: field(14) * tickUs, systemUs: field(15) * tickUs },
    ended: { userUs: field(16) * tickUs, systemUs: field(17) * tickUs },
  }
}

function kibibytesIn(text: string | undefined, name: string): number | undefined {
  const digits = text === undefined ? undefined : new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
