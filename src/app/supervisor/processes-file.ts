/** `run/processes.json`: what runs, for `sluice status` and for whoever automates. Rewritten at every change, removed at a stop. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runFolder } from './data-folder.ts'
import type { KeptProcess } from './keeper.ts'

export interface ProcessesFile {
  readonly url: string
  readonly processes: readonly ListedProcess[]
}

export interface ListedProcess extends KeptProcess {
  /** Tells the process from a later one with the same id: its start time as the kernel counts; null where unknown. */
  readonly startTicks: number | null
}

const name = 'processes.json'

/** A reader sees the file before or after, never between. */
export function writeProcessesFile(dataFolder: string, url: string, processes: readonly KeptProcess[]): void {
  const content: ProcessesFile = {
    url,
    processes: processes.map((one) => ({ ...one, startTicks: statOf(one.pid)?.startTicks ?? null })),
  }
  const path = join(dataFolder, runFolder, name)
  writeFileSync(`${path}.next`, `${JSON.stringify(content, null, 2)}\n`)
  renameSync(`${path}.next`, path)
}

export function removeProcessesFile(dataFolder: string): void {
  rmSync(join(dataFolder, runFolder, name), { force: true })
}

/** Undefined when nothing was started on the folder, or it was stopped since. */
export function readProcessesFile(dataFolder: string): ProcessesFile | undefined {
  try {
    // Written by this program alone, and whole.
    return JSON.parse(readFileSync(join(dataFolder, runFolder, name), 'utf8')) as ProcessesFile
  } catch {
    return undefined
  }
}

/** False when the process is gone with all that it held, even when another one has its id by now. */
export function isAlive({ pid, startTicks }: ListedProcess): boolean {
  if (pid === null) return false
  if (startTicks !== null) {
    const stat = statOf(pid)
    return stat?.startTicks === startTicks && !stat.isGone
  }
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/**
 * Fields 3, 20 and 22 of /proc/<pid>/stat; the name in field 2 may hold anything, so count from its closing bracket. A zombie
 * (state Z) that is the last of its threads holds nothing any more and only waits to be noticed by its parent: it is gone. Before,
 * the others may still hold sockets open, and a connection to them would be taken and reset.
 */
function statOf(pid: number | null): { readonly startTicks: number; readonly isGone: boolean } | undefined {
  if (pid === null) return undefined
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { startTicks: Number(fields[19]), isGone: fields[0] === 'Z' && Number(fields[17]) <= 1 }
  } catch {
    return undefined
  }
}
