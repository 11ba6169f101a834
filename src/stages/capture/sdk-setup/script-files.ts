/**
 * The scripts of the installed posthog-js, as pages load them: read when they are first asked for and then kept, plain and
 * compressed. What is kept is bounded by the package: its files are listed once, and nothing else is ever read.
 */
import { hash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'

export interface ScriptFile {
  readonly plain: Buffer
  readonly gzipped: Buffer
  readonly etag: string
}

export interface ScriptFiles {
  /** Of a name like `array.js`; undefined when the package has no such file. */
  read(name: string): Promise<ScriptFile> | undefined
}

const compress = promisify<Buffer, Buffer>(gzip)

/** `folder`: where the package's built files lie. */
export function openScriptFiles(folder: string): ScriptFiles {
  const names = new Set(
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /^[a-z0-9.-]+\.js$/.test(entry.name))
      .map(({ name }) => name),
  )
  const kept = new Map<string, Promise<ScriptFile>>()
  return {
    read(name) {
      if (!names.has(name)) return undefined
      const known = kept.get(name)
      if (known !== undefined) return known
      const reading = scriptFileFrom(join(folder, name))
      kept.set(name, reading)
      // What could not be read is tried again by whoever asks next.
      reading.catch(() => kept.delete(name))
      return reading
    },
  }
}

async function scriptFileFrom(path: string): Promise<ScriptFile> {
  const plain = await readFile(path)
  return { plain, gzipped: await compress(plain), etag: `"${hash('sha256', plain, 'hex').slice(0, 32)}"` }
}
