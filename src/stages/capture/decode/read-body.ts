/** Reads a request's body up to a cap; nothing beyond the cap is kept. */
import type { IncomingMessage } from 'node:http'

export type BodyRead =
  | { readonly kind: 'body'; readonly body: Buffer }
  | { readonly kind: 'refused'; readonly status: 400 | 408 | 413; readonly message: string }

const empty: BodyRead = { kind: 'body', body: Buffer.alloc(0) }

/**
 * A body beyond the cap is thrown away as it comes, up to as much again, so that the client reads the answer instead of
 * a reset connection; what comes after that is left unread.
 */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<BodyRead> {
  const announced = Number(request.headers['content-length'] ?? 0)
  if (announced > 2 * bytesMax) return Promise.resolve(tooLarge(bytesMax))
  return new Promise((resolve) => {
    let chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= bytesMax) {
        chunks.push(chunk)
        return
      }
      chunks = []
      if (bytes > 2 * bytesMax) {
        request.pause()
        resolve(tooLarge(bytesMax))
      }
    })
    request.on('end', () => {
      const only = chunks[0]
      if (bytes > bytesMax) resolve(tooLarge(bytesMax))
      else if (only === undefined) resolve(empty)
      else resolve({ kind: 'body', body: chunks.length === 1 ? only : Buffer.concat(chunks, bytes) })
    })
    request.on('error', () => {
      resolve({ kind: 'refused', status: 408, message: 'client stopped sending data' })
    })
  })
}

function tooLarge(bytesMax: number): BodyRead {
  return {
    kind: 'refused',
    status: 413,
    message: `maximum event size exceeded: the request body is larger than ${String(bytesMax)} bytes`,
  }
}
