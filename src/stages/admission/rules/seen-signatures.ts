/**
 * Which signatures were used, so that none is used twice.
 *
 * Words used here:
 * - slot: the signatures of a span of time, by the time that they say themselves. Slots are forgotten as wholes, oldest first.
 * - floor: signatures with an earlier time may have been forgotten though their time would still do, because too many came. They are
 *   refused: a full memory makes the window smaller, and never lets a signature in twice.
 *
 * A signature is kept as 52 of its bits: of a million that are kept, one in four billion new ones looks like an old one.
 */

export interface SeenSignatures {
  /** `new` takes it: it is `seen` from then on. `unsure`: it is below the floor. */
  take(signature: Buffer, timeMs: number, nowMs: number): 'new' | 'seen' | 'unsure'
  /** It may be taken once more. */
  forget(signature: Buffer, timeMs: number): void
}

const slotsMax = 64

export function createSeenSignatures(settings: {
  readonly ageMsMax: number
  readonly signaturesMax: number
}): SeenSignatures {
  const { ageMsMax, signaturesMax } = settings
  const slotMs = Math.max(1, Math.ceil((2 * ageMsMax) / slotsMax))
  const slots = new Map<number, Set<number>>()
  let size = 0
  let floorMs = -Infinity

  const drop = (slot: number): void => {
    size -= slots.get(slot)?.size ?? 0
    slots.delete(slot)
  }
  const dropExpired = (nowMs: number): void => {
    for (const slot of slots.keys()) if ((slot + 1) * slotMs <= nowMs - ageMsMax) drop(slot)
  }
  const makeRoom = (): void => {
    const oldest = Math.min(...slots.keys())
    drop(oldest)
    floorMs = (oldest + 1) * slotMs
  }
  let expiredAtMs = -Infinity

  return {
    take(signature, timeMs, nowMs) {
      if (nowMs - expiredAtMs >= slotMs || nowMs < expiredAtMs) {
        dropExpired(nowMs)
        expiredAtMs = nowMs
      }
      const number = Math.floor(timeMs / slotMs)
      const key = keyOf(signature)
      if (slots.get(number)?.has(key) === true) return 'seen'
      while (size >= signaturesMax && timeMs >= floorMs) makeRoom()
      if (timeMs < floorMs) return 'unsure'
      const slot = slots.get(number) ?? new Set<number>()
      slots.set(number, slot.add(key))
      size++
      return 'new'
    },
    forget(signature, timeMs) {
      if (slots.get(Math.floor(timeMs / slotMs))?.delete(keyOf(signature)) === true) size--
    },
  }
}

function keyOf(signature: Buffer): number {
  return signature.readUInt32LE(0) * 0x100000 + (signature.readUInt32LE(4) >>> 12)
}
