/**
 * A lock on a folder that the kernel releases when its holder dies, however it dies.
 *
 * The lock is SQLite's: `BEGIN EXCLUSIVE` on the empty database `<name>.lock` takes POSIX record locks, which belong to
 * the process, are not inherited by children and end with it. Node offers no other file lock without a native package.
 *
 * - `<name>.lock` is never removed or written: a second file under the same name would be a second lock. Nobody else may
 *   open it in the holder's process either, because closing any descriptor of a file ends the process's POSIX locks on it.
 * - `<name>.holder` says in JSON who took the lock last. It is for messages only: it may be stale, half-written or gone.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type * as sqlite from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, messageOf } from './failure.ts'

export interface FolderLock {
  /** Adds to what others are told about the holder, e.g. the URL once it is known. */
  describe(note: string): void
  /** Safe to call twice. */
  release(): void
}

export interface LockHolder {
  readonly pid: number
  readonly startedAt: string
  readonly note?: string
}

export class FolderLocked extends Failure {
  readonly holder: LockHolder | undefined

  constructor(path: string, holder: LockHolder | undefined) {
    const who =
      holder === undefined
        ? 'another process'
        : `process ${String(holder.pid)}, started ${holder.startedAt}${holder.note === undefined ? '' : ` (${holder.note})`}`
    super('SLUICE_FOLDER_LOCKED', `${path} is held by ${who}.`, { retryable: true })
    this.holder = holder
  }
}

const pollMs = 20
const sqliteBusy = 5

/** Held here too: a lock whose owner forgot it must not be released by the garbage collector. */
const held = new Set<sqlite.DatabaseSync>()

/** Takes the lock, waiting up to `waitMs` for a holder that is about to end; throws FolderLocked when it stays. */
export async function lockFolder(
  folder: string,
  name: string,
  options: { readonly waitMs?: number; readonly note?: string } = {},
): Promise<FolderLock> {
  const path = join(folder, `${name}.lock`)
  const holderPath = join(folder, `${name}.holder`)
  const deadline = performance.now() + (options.waitMs ?? 0)
  let database = lockNow(path)
  while (database === undefined) {
    if (performance.now() >= deadline) throw new FolderLocked(path, readHolder(holderPath))
    await sleep(pollMs)
    database = lockNow(path)
  }
  const taken = database
  held.add(taken)
  const startedAt = new Date().toISOString()
  const describe = (note: string | undefined) => {
    const holder: LockHolder = { pid: process.pid, startedAt, ...(note === undefined ? {} : { note }) }
    writeFileSync(holderPath, `${JSON.stringify(holder)}\n`)
  }
  describe(options.note)
  return {
    describe,
    release() {
      if (held.delete(taken)) taken.close()
    },
  }
}

/** The open database that holds the lock, or undefined when somebody else has it. */
function lockNow(path: string): sqlite.DatabaseSync | undefined {
  const { DatabaseSync } = loadSqlite()
  let database: sqlite.DatabaseSync | undefined
  try {
    database = new DatabaseSync(path)
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database?.close()
    if (typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === sqliteBusy)
      return undefined
    throw new Failure('SLUICE_FOLDER_LOCK_UNAVAILABLE', `The lock ${path} cannot be taken: ${messageOf(error)}.`, {
      cause: error,
    })
  }
}

/** Early Node 24 warns that SQLite is experimental, at its first load; nobody who runs Sluice can act on that. */
function loadSqlite(): typeof sqlite {
  const original = Object.getOwnPropertyDescriptor(process, 'emitWarning') ?? {}
  const emitWarning = process.emitWarning.bind(process)
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    const words = typeof warning === 'string' ? warning : warning.message
    if (!words.startsWith('SQLite is an experimental feature')) Reflect.apply(emitWarning, process, [warning, ...rest])
  }
  try {
    return process.getBuiltinModule('node:sqlite')
  } finally {
    Object.defineProperty(process, 'emitWarning', original)
  }
}

function readHolder(path: string): LockHolder | undefined {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (typeof parsed !== 'object' || parsed === null || !('pid' in parsed) || !('startedAt' in parsed))
      return undefined
    const { pid, startedAt } = parsed
    if (typeof pid !== 'number' || typeof startedAt !== 'string') return undefined
    return { pid, startedAt, ...('note' in parsed && typeof parsed.note === 'string' ? { note: parsed.note } : {}) }
  } catch {
    return undefined
  }
}
