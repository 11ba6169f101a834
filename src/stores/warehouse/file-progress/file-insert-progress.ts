import type { Files } from '../../../kit/files.ts'
import type { BlockIntent, InsertProgress, PartitionProgress } from '../insert-progress.ts'
import { createKeptInsertProgress, nothingKept, partitionsOf } from '../kept-insert-progress.ts'
import type { KeptBlock, KeptProgress } from '../kept-insert-progress.ts'
import { keptFromEarlier } from './earlier-progress.ts'
import type { EarlierProgress } from './earlier-progress.ts'

const fileName = 'progress.json'

/** What stands in the file. A file without `version` is one of an earlier release. */
interface ProgressFile {
  readonly version: 2
  readonly partitions: readonly (readonly [partition: number, progress: PartitionProgress])[]
  /** Where `openIn` is absent, the block is done. */
  readonly blocks: readonly (BlockIntent & { readonly openIn?: readonly number[] })[]
}

/** Keeps the progress in one small file that is replaced as a whole. */
export async function openFileInsertProgress(
  files: Files,
  folder: string,
  { recentBlocksMax }: { readonly recentBlocksMax: number },
): Promise<InsertProgress> {
  await files.makeFolder(folder)
  const path = `${folder}/${fileName}`
  const found = (await files.list(folder)).includes(fileName) ? keptFrom(await read(files, path)) : nothingKept
  return createKeptInsertProgress(found, recentBlocksMax, async (kept) => {
    await files.remove(`${path}.new`)
    const file = await files.open(`${path}.new`, 'create')
    try {
      await file.write([Buffer.from(JSON.stringify(fileFrom(kept)))], 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await files.rename(`${path}.new`, path)
    await files.syncFolder(folder)
  })
}

async function read(files: Files, path: string): Promise<ProgressFile | EarlierProgress> {
  const file = await files.open(path, 'read')
  try {
    const bytes = Buffer.alloc(await file.sizeBytes())
    await file.read(bytes, 0)
    return JSON.parse(bytes.toString()) as ProgressFile | EarlierProgress
  } finally {
    await file.close()
  }
}

function fileFrom({ partitions, blocks }: KeptProgress): ProgressFile {
  return {
    version: 2,
    partitions: [...partitions],
    blocks: blocks.map(({ block, openIn }) => (openIn.length === 0 ? block : { ...block, openIn })),
  }
}

function keptFrom(file: ProgressFile | EarlierProgress): KeptProgress {
  if (!('version' in file)) return keptFromEarlier(file)
  return {
    partitions: new Map(file.partitions),
    blocks: file.blocks.map(({ openIn = [], ...block }): KeptBlock => ({
      block,
      openIn,
      recentIn: partitionsOf(block),
    })),
  }
}
