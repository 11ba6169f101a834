/** Keys of single events and requests in Redis; see `redis-scripts.ts` for all of them. */
import { laneNumber, lanes } from '../../../event/position.ts'
import { duplicateKeyBytes } from '../duplicate-key-header.ts'
import type { DuplicateKey, Outcome } from '../intake.ts'

/** `dup:{token}:<22 characters>`; a project token has at most 64 bytes, so keys are bounded. */
export function duplicateKeyName(token: string, key: DuplicateKey): string {
  return `dup:{${token}}:${duplicateKeyBytes(key).toString('base64url')}`
}

/** `<lane number>:<partition>:<offset>`. */
export function placeFrom({ lane, partition, offset }: Pick<Outcome, 'lane' | 'partition' | 'offset'>): string {
  return `${String(laneNumber(lane))}:${String(partition)}:${String(offset)}`
}

/** The outcome of a copy; undefined for what no door of ours wrote. */
export function copyAt(place: string): Outcome | undefined {
  const [lane, partition, offset, ...more] = place.split(':').map(Number)
  const name = lane === undefined ? undefined : lanes[lane]
  if (name === undefined || more.length > 0 || !isCount(partition) || !isCount(offset)) return undefined
  return { verdict: 'duplicate', lane: name, partition, offset }
}

function isCount(value: number | undefined): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
