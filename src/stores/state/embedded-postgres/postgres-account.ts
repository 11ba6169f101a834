/**
 * Under which account the bundled Postgres runs.
 *
 * Postgres refuses to run as root, so a Sluice started by root hands it to another account; otherwise it runs as we do.
 * An account once chosen stays: the data folder remembers it as its owner. For a new folder it must be one of
 * /etc/passwd, because initdb looks its own name up and fails with "user does not exist" for a bare number (the server
 * itself would be content with one).
 */
import { readFile, stat } from 'node:fs/promises'
import { codeOf, Failure } from '../../../kit/failure.ts'

export interface Account {
  readonly uid: number
  readonly gid: number
}

/** Accounts made for daemons, best first. `nobody` is part of every common distribution and base image. */
const preferredNames = ['postgres', 'nobody']

/** The account to run under, or undefined for our own. */
export async function postgresAccount(dataFolder: string): Promise<Account | undefined> {
  const own = process.getuid?.()
  const owner = await ownerOf(dataFolder)
  if (own !== 0) {
    if (owner !== undefined && owner.uid !== own) {
      throw new Failure(
        'SLUICE_POSTGRES_OWNER',
        `${dataFolder} belongs to user ${String(owner.uid)}, but Sluice runs as user ${String(own)}. ` +
          'Start it as the user who started it first, or as root.',
      )
    }
    return undefined
  }
  // A folder that root copied or restored belongs to root: it gets a new owner like a new one.
  if (owner !== undefined && owner.uid !== 0) return owner
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const account = accountFrom(passwd)
  if (account === undefined) {
    throw new Failure(
      'SLUICE_POSTGRES_ACCOUNT',
      'Postgres does not run as root, and /etc/passwd names neither "postgres" nor "nobody" to run it as. ' +
        'Start Sluice as an ordinary user, or add a user "postgres".',
    )
  }
  return account
}

/** The best daemon account that a passwd file names; undefined when there is none. */
export function accountFrom(passwd: string): Account | undefined {
  const accounts = new Map<string, Account>()
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name !== undefined && isId(uid) && isId(gid)) accounts.set(name, { uid: Number(uid), gid: Number(gid) })
  }
  const name = preferredNames.find((candidate) => (accounts.get(candidate)?.uid ?? 0) !== 0)
  return name === undefined ? undefined : accounts.get(name)
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text)
}

async function ownerOf(folder: string): Promise<Account | undefined> {
  try {
    const { uid, gid } = await stat(folder)
    return { uid, gid }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
