import { STATUS_CODES } from 'node:http'
import { codeOf, messageOf } from '../../kit/failure.ts'

/** An answer over HTTP in which no engine speaks: something stands before it, or the server did not read the request. */
export class HttpAnswerError extends Error {
  readonly status: number

  constructor(status: number, text: string) {
    super(
      [`HTTP ${String(status)} ${STATUS_CODES[status] ?? ''}`, text.trim().slice(0, textCharsMax)]
        .filter(Boolean)
        .join(': '),
    )
    this.name = 'HttpAnswerError'
    this.status = status
  }
}

/** What stands before ClickHouse may answer with a whole page. */
const textCharsMax = 200

/** The number in ClickHouse's `Code: 62. DB::Exception: …`; undefined when the engine did not speak. */
export function engineCodeOf(error: unknown): number | undefined {
  const digits = /Code: (\d+)\./.exec(messageOf(error))?.[1] ?? codeField(error)
  return digits === undefined ? undefined : Number(digits)
}

/** What the engine says, without the code in front and the name of the error behind; never nothing. */
export function engineMessageOf(error: unknown): string {
  const message = messageOf(error)
    .replace(/^(?:Query failed: )?(?:Code: \d+\. DB::Exception: )+/, '')
    .replace(/ \(version [\d.]+\)/g, '')
    .trim()
  // An error of several addresses at once has a code alone.
  return message === '' ? (codeOf(error) ?? 'no reason was given') : message
}

/** Whether it was refused before any engine read it, so that the same request is refused again until somebody changes something. */
export function isRefusedUnread(error: unknown): boolean {
  return error instanceof HttpAnswerError && error.status < 500 && !passingStatuses.has(error.status)
}

/** Whether it was refused unread for its size. */
export function isTooLargeToRead(error: unknown): boolean {
  return error instanceof HttpAnswerError && tooLargeStatuses.has(error.status)
}

/** Waited too long, too early, too many. */
const passingStatuses = new Set([408, 425, 429])
/** The body, the address, its headers. */
const tooLargeStatuses = new Set([413, 414, 431])

/**
 * Whether the same statement may succeed later without anyone changing anything: the server is overloaded, starts, stops, has lost
 * its Keeper or another machine, or was out of memory or time.
 */
export function isTransient(code: number): boolean {
  return transientCodes.has(code)
}

/** ClickHouse's ErrorCodes.cpp has the names. */
const transientCodes = new Set([
  3, 32, 95, 99, 101, 159, 160, 198, 202, 203, 209, 210, 225, 236, 241, 242, 243, 244, 252, 279, 285, 286, 289, 305,
  307, 319, 335, 341, 373, 394, 416, 425, 439, 473, 517, 519, 574, 999,
])

function codeField(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^\d+$/.test(error.code) ? error.code : undefined
}
