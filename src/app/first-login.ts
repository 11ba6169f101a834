/**
 * The one-time password of the console, in a file like that of the first project: who reads this folder could read everything else
 * here as well. It is there until somebody has chosen a password. The working directory is the data folder.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { firstLogin } from '../stores/state/users.ts'
import { firstLoginFile } from './supervisor/banner.ts'
import { runFolder } from './supervisor/data-folder.ts'

const file = `${runFolder}/${firstLoginFile}`

export async function keepFirstLogin(password: string): Promise<void> {
  await mkdir(runFolder, { recursive: true })
  await writeFile(`${file}.next`, JSON.stringify({ login: firstLogin, password }), { mode: 0o600 })
  await rename(`${file}.next`, file)
}

export async function forgetFirstLogin(): Promise<void> {
  await rm(file, { force: true })
}
