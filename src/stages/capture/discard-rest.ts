import type { IncomingMessage } from 'node:http'
import { freeBytes } from '../../kit/free-bytes.ts'

const discardMsMax = 2000

/**
 * The rest of a body that nobody waits for is thrown away as it comes: closing at once would reset the connection before the
 * client has read the answer. A body without an end is cut off.
 */
export function discardRest(request: IncomingMessage): void {
  const cutOff = setTimeout(() => request.socket.destroy(), discardMsMax)
  cutOff.unref()
  request.once('close', () => {
    clearTimeout(cutOff)
  })
  request.on('data', freeBytes)
  request.resume()
}
