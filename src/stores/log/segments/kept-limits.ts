/**
 * What a journal keeps of limits: how much is counted under each key. A frame carries the values of the keys that its events were
 * debited to, as they are after it; a segment's head carries all of them, so that they outlive the removal of older segments.
 *
 * ```
 * 0 u16 bytes of the key   2 u8 kind (1 quota, 2 rate)   3 u8 zero
 * 4 f64 amount   12 f64 at   and for a rate: 20 f64 tokens a second   28 f64 burst
 * .. key, UTF-8
 * ```
 */
/** Never changed once it is made: whoever counts on makes a new one. */
export interface KeptLimit {
  /** At most 65,535 bytes. */
  readonly key: string
  readonly kind: 'quota' | 'rate'
  /** quota: events stored; rate: tokens taken and not refilled at `atMs`. */
  readonly amount: number
  /** quota: when the count begins anew; rate: up to when refilling was reckoned. Server clock. */
  readonly atMs: number
  /** What the bucket was by the rule that was last applied; 0 for a quota. */
  readonly perSecond: number
  readonly burst: number
}

export type KeptLimits = ReadonlyMap<string, KeptLimit>

const kinds = { quota: 1, rate: 2 } as const
const fixedBytes = { quota: 20, rate: 36 } as const

/** A request may be decided this long after the time that it carries: what expired is still counted for so long. */
export const lateMsMax = 15 * 60_000

/** Nothing of it is counted any more: forgetting it changes no decision. */
export function isSpent({ kind, amount, atMs, perSecond }: KeptLimit, nowMs: number): boolean {
  if (kind === 'quota') return atMs + lateMsMax <= nowMs
  return amount <= (Math.max(0, nowMs - atMs) / 1000) * perSecond
}

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
