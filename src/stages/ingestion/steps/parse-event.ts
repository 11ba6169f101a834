/** The client's event as plain data: bytes of the log → object. */
import { keep, quarantine } from '../verdict.ts'
import type { Verdict } from '../verdict.ts'
import { mayNeedRepair, repairEscapes } from '../../../event/repair-escapes.ts'

/**
 * What the client sent as one event (capture spec §4.1), not yet checked field by field. A key `__proto__` is data like
 * any other (design §4.12): copy with spread or `Object.entries`, never by assigning to computed keys.
 */
export type ClientEvent = Readonly<Record<string, unknown>>

/**
 * Parses one event of the log. What the door accepted always parses; records from elsewhere (re-drives, imports)
 * may not, and are set aside.
 */
export function parseEvent(bytes: Buffer): Verdict<ClientEvent> {
  const json = bytes.toString()
  let value: unknown
  try {
    // Looking for a backslash in the bytes is many times cheaper than the pattern, and most events have none.
    value = JSON.parse(bytes.includes('\\u') && mayNeedRepair(json) ? repairEscapes(json) : json)
  } catch (error) {
    return quarantine('not_json', error)
  }
  return isClientEvent(value) ? keep(value) : quarantine('not_an_object')
}

function isClientEvent(value: unknown): value is ClientEvent {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
