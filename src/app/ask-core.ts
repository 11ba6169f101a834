/** Asks a role over its socket. The working directory is the data folder. */
import { request as httpRequest } from 'node:http'
import { roleSocket } from './supervisor/data-folder.ts'

const timeoutMs = 2000

/** The core's JSON answer; undefined when it does not answer. */
export function askCore<T>(path: string): Promise<T | undefined> {
  return new Promise((resolve) => {
    const request = httpRequest({ socketPath: roleSocket.core, path, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        try {
          // Written by this program's other process.
          resolve(JSON.parse(Buffer.concat(chunks).toString()) as T)
        } catch {
          resolve(undefined)
        }
      })
      response.on('error', () => {
        resolve(undefined)
      })
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => {
      resolve(undefined)
    })
    request.end()
  })
}
