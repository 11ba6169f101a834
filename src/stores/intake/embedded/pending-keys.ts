/** Duplicate keys of requests that are decided but not yet on disk. One for the group on its way, one for those that wait. */
import type { DuplicateKey } from '../intake.ts'
import type { IndexedPosition } from '../indexed-position.ts'

export interface PendingKey {
  readonly key: DuplicateKey
  readonly position: IndexedPosition
  /** Another key whose first words are the same; practically never. */
  readonly next: PendingKey | undefined
}

export class PendingKeys {
  readonly #byPrefix = new Map<number, PendingKey>()

  get size(): number {
    return this.#byPrefix.size
  }

  find(key: DuplicateKey): IndexedPosition | undefined {
    for (let pending = this.#byPrefix.get(prefixOf(key)); pending !== undefined; pending = pending.next) {
      const other = pending.key
      if (other[0] === key[0] && other[1] === key[1] && other[2] === key[2] && other[3] === key[3])
        return pending.position
    }
    return undefined
  }

  add(key: DuplicateKey, position: IndexedPosition): void {
    const prefix = prefixOf(key)
    this.#byPrefix.set(prefix, { key, position, next: this.#byPrefix.get(prefix) })
  }

  /** Takes a key out that was added last of all those that are still there. */
  removeNewest(key: DuplicateKey): void {
    const prefix = prefixOf(key)
    const rest = this.#byPrefix.get(prefix)?.next
    if (rest === undefined) this.#byPrefix.delete(prefix)
    else this.#byPrefix.set(prefix, rest)
  }

  clear(): void {
    this.#byPrefix.clear()
  }

  /** Every key, in no order. */
  *all(): Iterable<PendingKey> {
    for (const first of this.#byPrefix.values()) {
      for (let pending: PendingKey | undefined = first; pending !== undefined; pending = pending.next) yield pending
    }
  }
}

/** 53 of the 128 bits, as one number. */
function prefixOf(key: DuplicateKey): number {
  return key[0] * 2 ** 21 + (key[1] >>> 11)
}
