/**
 * The file by which a data folder knows that its installation is moving or has moved to a cluster: `scale-out.json`. It is the fence
 * (no embedded installation starts beside it) and says how far the move is, so that one that was killed goes on.
 *
 * States: (no file) ─ scale-out ─► moving ─► moved ─ finish ─► finished; from moving and moved `back` leads to no file.
 */
import { open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Lane } from '../../event/position.ts'
import { codeOf, Failure } from '../../kit/failure.ts'
import type { Bounds } from '../../stores/log/event-log.ts'
import type { TopicSettings } from '../../stores/log/kafka/kafka-copy.ts'

export const moveSteps = ['drain', 'state', 'lanes', 'tables', 'compare', 'switch'] as const
export type MoveStep = (typeof moveSteps)[number]

export interface Move {
  /** Also kept in the target's Postgres, so that two moves never fill one target. */
  readonly id: string
  readonly phase: 'moving' | 'moved' | 'finished'
  readonly startedAt: string
  /** In words, without secrets. */
  readonly target: string
  readonly done: readonly MoveStep[]
  /** What the topics of the source lanes had been set to. */
  readonly topics?: Readonly<Record<string, TopicSettings>>
  /** What the old log retained of each source lane, as of `drain`. */
  readonly retained?: Readonly<Partial<Record<Lane, readonly Bounds[]>>>
  readonly tables?: Readonly<Record<string, TableMove>>
}

/** How far a table is. */
export interface TableMove {
  /** Counts how often a month was begun anew: rows that were removed do not come back under the same token. */
  readonly attempt: number
  /** Parts of the old table whose rows are all in the new one. */
  readonly parts: readonly { readonly name: string; readonly month: string }[]
  /** The one at work, and how many of its rows are there. */
  readonly at?: { readonly name: string; readonly month: string; readonly rows: number } | undefined
}

const fileName = 'scale-out.json'

export async function readMove(folder: string): Promise<Move | undefined> {
  try {
    // Written by this program alone, and whole.
    return JSON.parse(await readFile(join(folder, fileName), 'utf8')) as Move
  } catch (error) {
    // Whether there is a folder at all is said by whoever needs one.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}

/** Resolves once it would survive a loss of power. */
export async function writeMove(folder: string, move: Move): Promise<void> {
  const path = join(folder, fileName)
  const next = `${path}.next`
  const file = await open(next, 'w', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(move)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
  await syncFolder(path)
}

export async function removeMove(folder: string): Promise<void> {
  const path = join(folder, fileName)
  await rm(path, { force: true })
  await syncFolder(path)
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
}

/** Throws where an installation must not start any more, because another one has its events. */
export async function refuseFenced(folder: string): Promise<void> {
  const move = await readMove(folder)
  if (move === undefined) return
  const what = {
    moving: `is being moved to a cluster (${move.target}). Go on with \`sluice scale-out\`, or give it up with \`sluice scale-out back\``,
    moved: `was moved to a cluster (${move.target}), which takes its events now. Start that one; \`sluice scale-out back\` returns here`,
    finished: `was moved to a cluster (${move.target}) for good. Start that one; this folder may be removed`,
  }[move.phase]
  throw new Failure('SLUICE_MOVED', `The installation in ${folder} ${what}.`)
}
