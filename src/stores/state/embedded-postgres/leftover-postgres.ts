/**
 * A Postgres that an earlier run left on a data folder.
 *
 * The running server ends by itself when its supervisor dies (see postgres-server.ts), but that takes a moment, and
 * backends outlive a killed postmaster for a moment too. A new server must wait for all of them: Postgres guards
 * its folder with process ids and a shared memory segment, and refuses to start while either looks alive.
 *
 * Who is still there is asked of the kernel, not of postmaster.pid: every process of a server has the data folder as its
 * working directory. A pid file proves little, least of all in containers, where numbers are small and used again.
 */
import { readdir, readFile, readlink, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../../kit/failure.ts'

const pollMs = 20

/**
 * Resolves once no process of a Postgres runs on the folder and nothing of it would stop a new one. Asks politely (fast
 * shutdown), after `timeoutMs` forces, and rejects when that does not help within `timeoutMs` either. The caller
 * holds the lock of the folder, so nobody's server but a dead run's can be there.
 */
export async function stopLeftover(dataFolder: string, timeoutMs: number): Promise<'none' | 'stopped' | 'killed'> {
  const postmaster = await postmasterOf(dataFolder)
  let outcome: 'none' | 'stopped' | 'killed' = 'none'
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const leftovers = await processesOn(dataFolder)
    if (leftovers.length === 0) break
    outcome = signal === 'SIGINT' ? 'stopped' : 'killed'
    // Only a postmaster understands SIGINT as a shutdown; to its children it means other things. Children of a dead one
    // notice that by themselves.
    const told = signal === 'SIGKILL' ? leftovers : leftovers.filter((pid) => pid === postmaster)
    for (const pid of told) signalIfAlive(pid, signal)
    await untilNoneOn(dataFolder, timeoutMs)
  }
  const survivors = await processesOn(dataFolder)
  if (survivors.length > 0) {
    throw new Failure(
      'SLUICE_POSTGRES_LEFTOVER',
      `Processes of an earlier Postgres on ${dataFolder} do not end: ${survivors.join(', ')}.`,
      { retryable: true },
    )
  }
  // Nobody is there, so these can only mislead: their pid may by now be somebody else's.
  await rm(join(dataFolder, 'postmaster.pid'), { force: true })
  await rm(join(dataFolder, '.s.PGSQL.5432.lock'), { force: true })
  return outcome
}

/** Ids of the Postgres processes whose working directory is the folder. */
export async function processesOn(dataFolder: string): Promise<readonly number[]> {
  const folder = await stat(dataFolder).catch(() => undefined)
  if (folder === undefined) return []
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      const cwd = await stat(`/proc/${name}/cwd`)
      if (cwd.ino !== folder.ino || cwd.dev !== folder.dev) continue
      if (/\/postgres( \(deleted\))?$/.test(await readlink(`/proc/${name}/exe`))) found.push(Number(name))
    } catch {
      // Gone meanwhile, or not ours to see: then not ours to stop either.
    }
  }
  return found
}

/** The first line of postmaster.pid, whether or not such a process lives. */
async function postmasterOf(dataFolder: string): Promise<number | undefined> {
  const text = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return Number.isNaN(pid) ? undefined : pid
}

async function untilNoneOn(dataFolder: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (performance.now() < deadline && (await processesOn(dataFolder)).length > 0) await sleep(pollMs)
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It ended between being found and being told.
  }
}
