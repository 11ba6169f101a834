/** Small files in the data folder's `run/` that another process of the installation, or whoever may read the folder, looks at. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { runFolder } from './supervisor/data-folder.ts'

/** Whole or not at all, and for the owner of the folder alone. The working directory is the data folder. */
export async function keepRunFile(name: string, value: object): Promise<void> {
  await mkdir(runFolder, { recursive: true })
  await writeFile(`${runFolder}/${name}.next`, JSON.stringify(value), { mode: 0o600 })
  await rename(`${runFolder}/${name}.next`, `${runFolder}/${name}`)
}

export async function removeRunFile(name: string): Promise<void> {
  await rm(`${runFolder}/${name}`, { force: true })
}
