/** Random bytes that are made once and kept in a file of their own, readable by the owner alone. */
import { randomBytes, randomUUID } from 'node:crypto'
import { link, open, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from './failure.ts'

/** The same bytes at every call, also when several processes call at once, and after a power loss. */
export async function secretFile(path: string, bytes: number): Promise<Buffer> {
  const present = await textOf(path)
  if (present !== undefined) return Buffer.from(present, 'hex')
  // Never a name that was used before: it might be a second name of the secret itself, left by a crash after the link.
  const own = `${path}.${randomUUID()}`
  await writeFile(own, randomBytes(bytes).toString('hex'), { mode: 0o600, flush: true, flag: 'wx' })
  try {
    // Whoever links first decides; the link shows the whole content or nothing.
    await link(own, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    await rm(own, { force: true })
  }
  const folder = await open(dirname(path), 'r')
  await folder.sync().finally(() => folder.close())
  return Buffer.from(await readFile(path, 'utf8'), 'hex')
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
