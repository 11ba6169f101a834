/**
 * The path by which clients find the socket in the data folder. The kernel allows a socket's path 107 bytes, and clients
 * need the whole path (the server itself binds `./.s.PGSQL.5432`). Where the data folder lies too deep for that, a link in
 * a folder of ours under /tmp leads to it; `<folder>/socket-path` remembers which, so that it stays the same.
 */
import { lutimesSync, utimesSync } from 'node:fs'
import { lstat, mkdtemp, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface SocketFolder {
  readonly path: string
  close(): void
}

const pathBytesMax = 107
/** Cleaners of /tmp go by age, typically ten days. Postgres touches its own socket files about as often. */
const touchEveryMs = 3_600_000

export async function openSocketFolder(folder: string, dataFolder: string): Promise<SocketFolder> {
  if (Buffer.byteLength(join(dataFolder, '.s.PGSQL.5432')) <= pathBytesMax)
    return { path: dataFolder, close: () => undefined }
  const link = (await rememberedLink(folder, dataFolder)) ?? (await newLink(folder, dataFolder))
  const touching = setInterval(() => touch(link), touchEveryMs)
  touching.unref()
  return { path: link, close: () => clearInterval(touching) }
}

/** The link of an earlier start, when it is still ours alone and leads where it should. */
async function rememberedLink(folder: string, dataFolder: string): Promise<string | undefined> {
  try {
    const link = await readFile(join(folder, 'socket-path'), 'utf8')
    const parent = await lstat(dirname(link))
    const ours = parent.isDirectory() && parent.uid === process.getuid?.() && (parent.mode & 0o077) === 0
    return ours && (await readlink(link)) === dataFolder ? link : undefined
  } catch {
    return undefined
  }
}

async function newLink(folder: string, dataFolder: string): Promise<string> {
  const link = join(await mkdtemp('/tmp/sluice-'), 'postgres')
  await symlink(dataFolder, link)
  await writeFile(join(folder, 'socket-path.new'), link, { mode: 0o600 })
  await rename(join(folder, 'socket-path.new'), join(folder, 'socket-path'))
  return link
}

function touch(link: string): void {
  const now = new Date()
  try {
    lutimesSync(link, now, now)
    utimesSync(dirname(link), now, now)
  } catch {
    // Somebody removed it: the next start makes another.
  }
}
