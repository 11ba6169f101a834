import { secretFile } from '../kit/secret-file.ts'

/** By which the health check writes to its reserved project; nobody else knows it. The working directory is the data folder. */
export async function canaryToken(): Promise<string> {
  return `phc_canary${(await secretFile('canary.key', 20)).toString('hex')}`
}
