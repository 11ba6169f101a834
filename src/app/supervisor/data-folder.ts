/**
 * The layout of the data folder, as far as processes share it:
 * - `sluice.lock`, `sluice.holder`: one supervisor at a time.
 * - `run/`: sockets, role locks, `processes.json`, `postgres.json`; `first-project.json`, which is written
 *   once and kept; and `first-login.json`, which is there until the one-time password was changed.
 * - `edge/`, `core/`: what only that role writes. `postgres/`: the bundled Postgres.
 */
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, Failure, messageOf } from '../../kit/failure.ts'
import { roles } from './role-context.ts'

/** Where a running Sluice tells about itself, below the data folder. */
export const runFolder = 'run'

/** Unix sockets on which roles answer `GET /internal/status`; relative, because a socket's path has at most 107 bytes. */
export const roleSocket = { edge: 'run/edge.sock', core: 'run/core.sock' } as const

const memoryFileSystems: readonly number[] = [0x0102_1994, 0x8584_58f6] // tmpfs, ramfs

const whatToDo: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its file system is read-only',
  ENOSPC: 'its disk is full',
  EDQUOT: "this user's quota of the disk is used up",
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'there is a file in its place',
}

/** Creates the folder itself; throws a Failure that says why it cannot be used. */
export function makeDataFolder(folder: string): void {
  explained(folder, () => {
    // Postgres may have to run as another user, who must be able to pass through.
    mkdirSync(folder, { recursive: true })
    const probe = join(folder, `.probe-${String(process.pid)}`)
    writeFileSync(probe, 'probe')
    rmSync(probe)
  })
}

export function makeLayout(folder: string): void {
  explained(folder, () => {
    for (const name of [runFolder, ...roles]) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 })
  })
}

/** Synced writes to such a folder are gone after a reboot. */
export function liesInMemory(folder: string): boolean {
  return memoryFileSystems.includes(statfsSync(folder).type)
}

function explained(folder: string, make: () => void): void {
  try {
    make()
  } catch (error) {
    const why = whatToDo[codeOf(error) ?? ''] ?? messageOf(error)
    const message = `The data folder ${folder} cannot be used: ${why}. Choose another one with SLUICE_DATA_DIR, or make this one writable.`
    throw new Failure('SLUICE_DATA_FOLDER_UNUSABLE', message, { cause: error })
  }
}
