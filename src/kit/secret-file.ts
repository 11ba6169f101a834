/** Random bytes that are made once and kept in a file of their own, readable by the owner alone. */
import { randomBytes } from 'node:crypto'
import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { codeOf } from './failure.ts'

/** The same bytes at every call, also when several processes call at once. */
export async function secretFile(path: string, bytes: number): Promise<Buffer> {
  const own = `${path}.${String(process.pid)}`
  await writeFile(own, randomBytes(bytes).toString('hex'), { mode: 0o600, flush: true })
  try {
    // Whoever links first decides; the link shows the whole content or nothing.
    await link(own, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  } finally {
    await rm(own, { force: true })
  }
  return Buffer.from(await readFile(path, 'utf8'), 'hex')
}
