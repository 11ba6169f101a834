/**
 * Whether a Postgres that somebody else runs keeps what it says that it has kept, asked once before the first migration.
 *
 * The state holds what nothing else remembers: projects and tokens, and the epochs that tell a rightful owner of a lane from one
 * that lost it. A server that forgets commits gives the same epoch out twice, and two owners then write as one. So a server that
 * may forget is refused, unless whoever runs it allows it by the name of the setting.
 */
import { Failure } from '../../../kit/failure.ts'
import type { SqlSession } from '../../../kit/sql-session.ts'

const oldestMajorVersion = 15

/** What may be allowed by its name; what else is found is refused, and cannot be allowed. */
export const unsafeNames = ['version', 'fsync', 'full_page_writes', 'synchronous_commit'] as const
export type UnsafeName = (typeof unsafeNames)[number]

export interface ServerSettings {
  /** As 150018 for 15.18. */
  readonly version: number
  readonly fsync: string
  readonly fullPageWrites: string
  readonly synchronousCommit: string
  readonly encoding: string
  readonly isStandby: boolean
}

export interface ServerFinding {
  readonly name: UnsafeName | 'server_encoding' | 'standby'
  readonly problem: string
}

/** Rejects with SLUICE_STATE_UNSAFE, which names all that is wrong; resolves with what was found and is allowed. */
export async function checkServer(sql: SqlSession, allowed: readonly string[] = []): Promise<readonly ServerFinding[]> {
  const [settings] = await sql.query<ServerSettings>(`
    select current_setting('server_version_num')::int as version,
           current_setting('fsync') as fsync,
           current_setting('full_page_writes') as "fullPageWrites",
           current_setting('synchronous_commit') as "synchronousCommit",
           current_setting('server_encoding') as encoding,
           pg_is_in_recovery() as "isStandby"`)
  if (settings === undefined) throw new Error('A select without a table gave no row.')
  const found = unsafeIn(settings)
  const mayPass: readonly string[] = unsafeNames.filter((name) => allowed.includes(name))
  const refused = found.filter(({ name }) => !mayPass.includes(name))
  if (refused.length === 0) return found
  const problems = refused.map(({ problem }) => problem).join(' ')
  const names = refused.flatMap(({ name }) => unsafeNames.filter((own) => own === name))
  const wayOut =
    names.length < refused.length
      ? ''
      : ` Change it on the server, or allow it by name (${names.join(', ')}) in postgres.allowUnsafe.`
  throw new Failure('SLUICE_STATE_UNSAFE', `${problems}${wayOut}`)
}

export function unsafeIn(settings: ServerSettings): readonly ServerFinding[] {
  const { version, fsync, fullPageWrites, synchronousCommit, encoding, isStandby } = settings
  const found: ServerFinding[] = []
  const add = (name: ServerFinding['name'], problem: string): void => void found.push({ name, problem })
  if (Math.floor(version / 10_000) < oldestMajorVersion)
    add(
      'version',
      `This is PostgreSQL ${String(Math.floor(version / 10_000))}; Sluice is made for ${String(oldestMajorVersion)} and newer.`,
    )
  if (fsync !== 'on') add('fsync', 'With fsync = off, a crash of the machine may destroy the whole database.')
  if (fullPageWrites !== 'on')
    add(
      'full_page_writes',
      'With full_page_writes = off, a crash of the machine may leave pages that are half written.',
    )
  if (synchronousCommit === 'off')
    add('synchronous_commit', 'With synchronous_commit = off, a crash takes back what was said to be committed.')
  if (encoding !== 'UTF8')
    add('server_encoding', `The database keeps text as ${encoding}; Sluice needs one made with UTF8.`)
  if (isStandby) add('standby', 'This server is a standby and takes no writes; name its primary.')
  return found
}
