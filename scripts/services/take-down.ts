/** `node take-down.ts FOLDER`: ends the services of a folder whose owner died, and removes the folder. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { serviceSet } from './service-set.ts'

const folder = process.argv[2]
if (folder !== undefined && existsSync(folder)) {
  await serviceSet({ folder }).down()
  await rm(folder, { recursive: true, force: true })
}
