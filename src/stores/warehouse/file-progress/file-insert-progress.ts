import type { Files } from '../../../kit/files.ts'
import type { InsertProgress, Progress } from '../insert-progress.ts'

const fileName = 'progress.json'

/** Keeps the progress in one small file that is replaced as a whole. */
export async function openFileInsertProgress(files: Files, folder: string): Promise<InsertProgress> {
  await files.makeFolder(folder)
  const path = `${folder}/${fileName}`
  return {
    async load() {
      if (!(await files.list(folder)).includes(fileName)) return undefined
      const file = await files.open(path, 'read')
      try {
        const bytes = Buffer.alloc(await file.sizeBytes())
        await file.read(bytes, 0)
        return JSON.parse(bytes.toString()) as Progress
      } finally {
        await file.close()
      }
    },
    async save(progress) {
      await files.remove(`${path}.new`)
      const file = await files.open(`${path}.new`, 'create')
      try {
        await file.write([Buffer.from(JSON.stringify(progress))], 0)
        await file.sync()
      } finally {
        await file.close()
      }
      await files.rename(`${path}.new`, path)
      await files.syncFolder(folder)
    },
  }
}
