/**
 * Where named readers of a journal stand: one small file each in `readers/` of the journal's folder, so that the journal's
 * writer can tell what may be removed. A pin is a reader with an end: it holds records for somebody who reads a range.
 */
import { lanes } from '../../../event/position.ts'
import type { Lane, Offsets } from '../../../event/position.ts'
import type { Files } from '../../../kit/files.ts'

export interface SavedReader {
  readonly reader: string
  readonly lane: Lane
  readonly offsets: Offsets
  /** A pin no longer counts after this time, Unix milliseconds; readers have none. */
  readonly expiresAtMs?: number
}

const folderOf = (journal: string): string => `${journal}/readers`

export async function saveReaderFile(
  files: Files,
  journal: string,
  reader: string,
  lane: Lane,
  what: { readonly offsets: Offsets; readonly expiresAtMs?: number },
): Promise<void> {
  const folder = folderOf(journal)
  await files.makeFolder(folder)
  const path = `${folder}/${reader}.${lane}.json`
  const file = await files.open(`${path}.new`, 'create').catch(() => files.open(`${path}.new`, 'write'))
  try {
    const bytes = Buffer.from(JSON.stringify({ reader, lane, ...what } satisfies SavedReader))
    await file.truncate(0)
    await file.write([bytes], 0)
    await file.sync()
  } finally {
    await file.close()
  }
  await files.rename(`${path}.new`, path)
  await files.syncFolder(folder)
}

export async function removeReaderFile(files: Files, journal: string, reader: string, lane: Lane): Promise<void> {
  await files.remove(`${folderOf(journal)}/${reader}.${lane}.json`)
}

/** All readers and pins that are kept; a file that cannot be read throws, because removing data on doubt is worse. */
export async function loadReaders(files: Files, journal: string): Promise<readonly SavedReader[]> {
  const folder = folderOf(journal)
  await files.makeFolder(folder)
  const readers: SavedReader[] = []
  for (const name of await files.list(folder)) {
    if (!name.endsWith('.json')) continue
    const reader = await readReader(files, `${folder}/${name}`)
    if (lanes.includes(reader.lane)) readers.push(reader)
  }
  return readers
}

async function readReader(files: Files, path: string): Promise<SavedReader> {
  const file = await files.open(path, 'read')
  try {
    const buffer = Buffer.alloc(await file.sizeBytes())
    await file.read(buffer, 0)
    return JSON.parse(buffer.toString()) as SavedReader
  } finally {
    await file.close()
  }
}

export interface ReaderFiles {
  load(journal: string, reader: string, lane: Lane): Promise<Offsets | undefined>
  /** Keeps the offsets of these partitions beside those that are kept of others. */
  merge(journal: string, reader: string, lane: Lane, offsets: ReadonlyMap<number, number>): Promise<void>
}

/** The files of readers of this process. One is replaced at a time: what is kept of other partitions is read before. */
export function createReaderFiles(files: Files): ReaderFiles {
  let turn: Promise<void> = Promise.resolve()

  async function load(journal: string, reader: string, lane: Lane): Promise<Offsets | undefined> {
    const folder = folderOf(journal)
    await files.makeFolder(folder)
    const name = `${reader}.${lane}.json`
    if (!(await files.list(folder)).includes(name)) return undefined
    return (await readReader(files, `${folder}/${name}`)).offsets
  }

  async function replace(journal: string, reader: string, lane: Lane, own: ReadonlyMap<number, number>): Promise<void> {
    const kept = await load(journal, reader, lane).catch((error: unknown) => {
      // Beginning anew there holds records for longer than needed, until all partitions are saved again.
      if (error instanceof SyntaxError) return undefined
      throw error
    })
    const length = Math.max(kept?.length ?? 0, ...[...own.keys()].map((partition) => partition + 1))
    const offsets = Array.from({ length }, (_, partition) => own.get(partition) ?? kept?.[partition] ?? 0)
    await saveReaderFile(files, journal, reader, lane, { offsets })
  }

  return {
    load,
    async merge(journal, reader, lane, offsets) {
      const merged = turn.then(() => replace(journal, reader, lane, offsets))
      turn = merged.catch(() => undefined)
      await merged
    },
  }
}
