/**
 * The pace at which long bodies come in, all of them together: what is read has to be collected as garbage again, and a client nearby
 * can send a gigabyte a second. Short bodies, nearly all, are never held up.
 */
import { performance } from 'node:perf_hooks'
import type { IncomingMessage } from 'node:http'

/** A body is long from here on. */
export const longBodyBytes = 256 * 1024
const bytesPerMs = 20_000
/** Shorter waits are not worth a timer, longer ones could be taken for a client that has stopped. */
const waitMsMin = 5
const waitMsMax = 1000

/** To be told of each piece of a long body that has come. Holds the request up when all of them come too fast. */
export function createBodyPace(): (request: IncomingMessage, bytes: number) => void {
  let freeAtMs = 0
  return function pace(request, bytes) {
    const nowMs = performance.now()
    freeAtMs = Math.max(freeAtMs, nowMs) + bytes / bytesPerMs
    const waitMs = freeAtMs - nowMs
    if (waitMs < waitMsMin) return
    request.pause()
    setTimeout(() => request.resume(), Math.min(waitMs, waitMsMax))
  }
}
