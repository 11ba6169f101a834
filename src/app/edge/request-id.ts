/** What a request is called in the logs: what its client or a proxy calls it, or a name of our own. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

export const requestIdHeader = 'x-request-id'

const good = /^[\w.:/+=-]{1,128}$/
const made = new WeakMap<IncomingMessage, string>()
/** Of this life of the process, so that no two lives make the same. */
const prefix = randomBytes(6).toString('base64url')
let count = 0

/** The same each time it is asked. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers[requestIdHeader]
  if (typeof given === 'string' && good.test(given)) return given
  const known = made.get(request)
  if (known !== undefined) return known
  const id = `${prefix}-${(count++).toString(36)}`
  made.set(request, id)
  return id
}
