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
    const file = await files.open(`${folder}/${name}`, 'read')
    try {
      const buffer = Buffer.alloc(await file.sizeBytes())
      await file.read(buffer, 0)
      const reader = JSON.parse(buffer.toString()) as SavedReader
      if (lanes.includes(reader.lane)) readers.push(reader)
    } finally {
      await file.close()
    }
  }
  return readers
}
