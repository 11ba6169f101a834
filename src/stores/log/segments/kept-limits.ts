/**
 * What a journal keeps of limits: how much is counted under each key. A frame carries the values of the keys that its events were
 * debited to, as they are after it; a segment's head carries all of them, so that they outlive the removal of older segments.
 *
 * ```
 * 0 u16 bytes of the key, at most 65,535   2 u8 kind (1 quota, 2 rate)   3 u8 zero
 * 4 f64 amount   12 f64 at   and for a rate: 20 f64 tokens a second   28 f64 burst
 * .. key, UTF-8
 * ```
 */
import type { KeptLimit } from '../../../kit/limit-meters.ts'

const kinds = { quota: 1, rate: 2 } as const
const fixedBytes = { quota: 20, rate: 36 } as const

/** Bytes that the limits take in a frame. */
export function keptLimitsBytes(limits: Iterable<KeptLimit>): number {
  let bytes = 0
  for (const { key, kind } of limits) bytes += fixedBytes[kind] + Buffer.byteLength(key)
  return bytes
}

/** Writes the limits from `at` on; there must be room for them. */
export function writeKeptLimits(limits: Iterable<KeptLimit>, into: Buffer, at: number): void {
  for (const { key, kind, amount, atMs, perSecond, burst } of limits) {
    into[at + 2] = kinds[kind]
    into[at + 3] = 0
    into.writeDoubleLE(amount, at + 4)
    into.writeDoubleLE(atMs, at + 12)
    if (kind === 'rate') {
      into.writeDoubleLE(perSecond, at + 20)
      into.writeDoubleLE(burst, at + 28)
    }
    const keyAt = at + fixedBytes[kind]
    const keyBytes = into.write(key, keyAt)
    into.writeUInt16LE(keyBytes, at)
    at = keyAt + keyBytes
  }
}

/** Puts what a frame carries in place of what was known before it. */
export function readKeptLimits(bytes: Buffer, into: Map<string, KeptLimit>): void {
  for (let at = 0; at < bytes.length;) {
    const kind = bytes[at + 2] === kinds.quota ? 'quota' : 'rate'
    const keyAt = at + fixedBytes[kind]
    const end = keyAt + bytes.readUInt16LE(at)
    const key = bytes.toString('utf8', keyAt, end)
    into.set(key, {
      key,
      kind,
      amount: bytes.readDoubleLE(at + 4),
      atMs: bytes.readDoubleLE(at + 12),
      perSecond: kind === 'rate' ? bytes.readDoubleLE(at + 20) : 0,
      burst: kind === 'rate' ? bytes.readDoubleLE(at + 28) : 0,
    })
    at = end
  }
}
