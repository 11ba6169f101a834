/**
 * What makes two events copies of each other (C6): the same project and the same uuid from the client; without a uuid the
 * same project, distinct id, event and timestamp as it was sent; without either, nothing.
 *
 * The project enters as its token, because a retry carries the same token whether or not Postgres can be asked who that is.
 * A uuid is combined with the token by addition, so that within a project two uuids never meet; the token is hashed with a
 * secret of this installation, so that nobody can choose uuids that meet those of another project.
 */
import { hash } from 'node:crypto'
import type { UuidWords } from '../../event/uuid.ts'
import type { DuplicateKey } from '../../stores/intake/intake.ts'

export interface KeyedEvent {
  /** The client's; undefined when it gave none. */
  readonly uuid: UuidWords | undefined
  readonly distinctId: string
  readonly name: string
  /** As sent: corrected times differ from retry to retry. */
  readonly timestampText: string | undefined
}

const tokensKeptMax = 10_000

/** `secret`: random bytes, kept for as long as the installation lives. */
export function createDuplicateKeys(secret: Buffer): (token: string, event: KeyedEvent) => DuplicateKey | undefined {
  const words = new Map<string, DuplicateKey>()

  const prefix = secret.toString('hex')
  /** The secret has one length and half of the digest is kept, so a hash of secret and text serves as a keyed one. */
  const hashed = (parts: readonly string[]): DuplicateKey => {
    let text = prefix
    // Lengths first, so that parts cannot run into each other.
    for (const part of parts) text += `${String(part.length)}:${part}`
    const digest = hash('sha256', text, 'buffer')
    return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)]
  }
  const wordsOf = (token: string): DuplicateKey => {
    let found = words.get(token)
    if (found === undefined) {
      if (words.size >= tokensKeptMax) words.clear()
      found = hashed(['token', token])
      words.set(token, found)
    }
    return found
  }

  return function duplicateKeyOf(token, { uuid, distinctId, name, timestampText }) {
    if (uuid !== undefined) {
      const own = wordsOf(token)
      return [(uuid[0] + own[0]) >>> 0, (uuid[1] + own[1]) >>> 0, (uuid[2] + own[2]) >>> 0, (uuid[3] + own[3]) >>> 0]
    }
    if (timestampText === undefined) return undefined
    return hashed(['content', token, distinctId, name, timestampText])
  }
}
