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

function codeField(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' && /^\d+$/.test(error.code) ? error.code : undefined
}
