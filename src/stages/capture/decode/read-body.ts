/**
 * Reads requests' bodies, within three bounds: of one body, of all bodies that are being read at once
 * (`readingBytesMax`, of which nobody gets all while others want some), and of the time in which a client sends nothing (`bodyStallMsMax`).
 *
 * Nobody has a timer of his own: one sweep looks at all that are being read, four times within `bodyStallMsMax`, and only
 * while there are any. So a stall is noticed after one to one and a quarter times that.
 */
import type { IncomingMessage } from 'node:http'
import { freeBytes } from '../../../kit/free-bytes.ts'
import { BodyBlocks } from './body-blocks.ts'
import { createBodyPace, longBodyBytes } from './body-pace.ts'
import { GatheredBody } from './gathered-body.ts'

export interface BodyReadingLimits {
  readonly readingBytesMax: number
  readonly bodyStallMsMax: number
}

export type ReadBody = (request: IncomingMessage, bodyBytesMax: number) => Promise<BodyRead>

export type BodyRead =
  | { readonly kind: 'body'; readonly body: Buffer }
  | { readonly kind: 'refused'; readonly status: 408 | 413 | 503; readonly message: string }

const stopped: BodyRead = { kind: 'refused', status: 408, message: 'client stopped sending data' }
const tooManyBytes: BodyRead = {
  kind: 'refused',
  status: 503,
  message: 'transient error, please retry: too much is being sent at once',
}

/** One body on its way in. */
interface Reading {
  bytes: number
  /** What had come when the sweep last looked, and how many looks ago that changed. */
  bytesSeen: number
  looksUnchanged: number
  readonly stall: () => void
}

/** The sweep takes a client for stopped at the fifth look that finds nothing new: the first one only takes down what is there. */
const looksMax = 4

/**
 * A body beyond its cap is thrown away as it comes, up to as much again, so that the client reads the answer instead of
 * a reset connection; what comes after that is left unread.
 */
export function createBodyReader({ readingBytesMax, bodyStallMsMax }: BodyReadingLimits): ReadBody {
  const readings = new Set<Reading>()
  const pace = createBodyPace()
  const blocks = new BodyBlocks()
  /** Of all bodies in `readings`, as far as they are kept. */
  let keptBytes = 0
  let sweep: NodeJS.Timeout | undefined

  function look(): void {
    for (const reading of readings) {
      if (reading.bytes !== reading.bytesSeen) {
        reading.bytesSeen = reading.bytes
        reading.looksUnchanged = 0
      } else if (++reading.looksUnchanged > looksMax) reading.stall()
    }
    blocks.trim()
    if (readings.size > 0) return
    blocks.forget()
    clearInterval(sweep)
    sweep = undefined
  }

  return function readBody(request, bodyBytesMax) {
    const announced = Number(request.headers['content-length'] ?? 0)
    if (announced > 2 * bodyBytesMax) return Promise.resolve(tooLarge(bodyBytesMax))
    return new Promise((resolve) => {
      const body = new GatheredBody(blocks)
      const forget = (): void => {
        keptBytes -= body.keptBytes
        body.free()
      }
      const end = (outcome: BodyRead): void => {
        if (!readings.delete(reading)) return
        forget()
        resolve(outcome)
      }
      const reading: Reading = {
        bytes: 0,
        bytesSeen: -1,
        looksUnchanged: 0,
        stall: () => {
          end(stopped)
        },
      }
      readings.add(reading)
      sweep ??= setInterval(look, Math.max(1, bodyStallMsMax / looksMax)).unref()

      request.on('data', (chunk: Buffer) => {
        reading.bytes += chunk.length
        if (reading.bytes > longBodyBytes) pace(request, chunk.length)
        if (reading.bytes > bodyBytesMax || !readings.has(reading)) {
          forget()
          freeBytes(chunk)
          if (reading.bytes > 2 * bodyBytesMax && readings.has(reading)) {
            request.pause()
            end(tooLarge(bodyBytesMax))
          }
          return
        }
        const otherBytes = keptBytes - body.keptBytes
        if (body.bytesWith(chunk) > shareOf(readingBytesMax - otherBytes, readingBytesMax)) {
          freeBytes(chunk)
          end(tooManyBytes)
          return
        }
        body.add(chunk)
        keptBytes = otherBytes + body.keptBytes
      })
      request.on('end', () => {
        if (reading.bytes > bodyBytesMax) {
          end(tooLarge(bodyBytesMax))
          return
        }
        keptBytes -= body.keptBytes
        end({ kind: 'body', body: body.take() })
      })
      // Also of a client that is gone; one that is gone in silence the sweep finds.
      request.on('error', () => {
        end(stopped)
      })
    })
  }
}

/**
 * How much one body may take of what the others leave. Alone it may take all; beside others a quarter, so that however many
 * clients hold as much as they can get, three times as much as each of them has is left for the next small body.
 */
function shareOf(leftBytes: number, readingBytesMax: number): number {
  return leftBytes === readingBytesMax ? leftBytes : leftBytes / 4
}

function tooLarge(bytesMax: number): BodyRead {
  return {
    kind: 'refused',
    status: 413,
    message: `maximum event size exceeded: the request body is larger than ${String(bytesMax)} bytes`,
  }
}
