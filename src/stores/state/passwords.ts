/**
 * Passwords as they are kept: scrypt, with its parameters beside the hash. A hash takes 32 MiB and about 100 ms on purpose, so only
 * `hashesAtOnceMax` are made at a time and `waitingMax` wait; beyond that a login is refused for the moment.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { Failure } from '../../kit/failure.ts'

export interface PasswordHash {
  readonly hash: Buffer
  readonly salt: Buffer
  readonly cost: number
  readonly blockSize: number
  readonly parallelism: number
}

export const passwordCharsMin = 12
export const passwordCharsMax = 200

const current = { cost: 2 ** 15, blockSize: 8, parallelism: 1 } as const
const hashBytes = 32
const hashesAtOnceMax = 2
const waitingMax = 20

/** Compared with when there is no such user, so that he takes as long as one who is there. */
const nobody: PasswordHash = { ...current, hash: randomBytes(hashBytes), salt: randomBytes(16) }

export async function hashPassword(password: string): Promise<PasswordHash> {
  const salt = randomBytes(16)
  return { ...current, salt, hash: await inTurn(() => scryptOf(password, { ...current, salt })) }
}

/** Takes the same time whether the password is right, wrong, or there is nothing to compare it with. */
export async function isPassword(password: string, kept: PasswordHash | undefined): Promise<boolean> {
  const against = kept ?? nobody
  const hash = await inTurn(() => scryptOf(password, against))
  return timingSafeEqual(hash, against.hash) && kept !== undefined
}

/** 26 letters and digits that are not mistaken for each other, about 128 bits. */
export function newPassword(): string {
  const alphabet = '23456789abcdefghjkmnpqrstuvwxyzA'
  return [...randomBytes(26)].map((byte) => alphabet.charAt(byte % alphabet.length)).join('')
}

function scryptOf(
  password: string,
  { salt, cost, blockSize, parallelism }: Omit<PasswordHash, 'hash'>,
): Promise<Buffer> {
  const options = { N: cost, r: blockSize, p: parallelism, maxmem: 256 * cost * blockSize }
  return new Promise((resolve, reject) => {
    // The same letters typed on another keyboard are the same password.
    scrypt(password.normalize('NFKC'), salt, hashBytes, options, (error, hash) => {
      if (error === null) resolve(hash)
      else reject(error)
    })
  })
}

let running = 0
const waiting: (() => void)[] = []

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= hashesAtOnceMax) {
    if (waiting.length >= waitingMax) {
      throw new Failure('SLUICE_LOGIN_BUSY', 'Too many log in at the same time. Try again in a moment.', {
        retryable: true,
      })
    }
    await new Promise<void>((resolve) => waiting.push(resolve))
  } else {
    running += 1
  }
  try {
    return await work()
  } finally {
    // Whoever is next takes over this place.
    const next = waiting.shift()
    if (next === undefined) running -= 1
    else next()
  }
}
