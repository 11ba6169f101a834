import { messageOf } from '../../kit/failure.ts'

/** The number in ClickHouse's `Code: 62. DB::Exception: …`; undefined when the engine did not speak. */
export function engineCodeOf(error: unknown): number | undefined {
  const digits = /Code: (\d+)\./.exec(messageOf(error))?.[1] ?? codeField(error)
  return digits === undefined ? undefined : Number(digits)
}

/** What the engine says, without the code in front and the name of the error behind. */
export function engineMessageOf(error: unknown): string {
  const message = messageOf(error)
  return message
    .replace(/^(?:Query failed: )?(?:Code: \d+\. DB::Exception: )+/, '')
    .replace(/ \(version [\d.]+\)/g, '')
    .trim()
}

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
