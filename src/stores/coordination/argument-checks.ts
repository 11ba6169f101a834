/** The bounds of what callers of `Coordination` say; each throws SLUICE_COORDINATION_REFUSED. */
import { Failure } from '../../kit/failure.ts'
import type { CoordinationBounds } from './coordination.ts'

const ttlMsMin = 1
/** A hundred years: whoever means "for ever" says nothing instead. */
const ttlMsMax = 100 * 366 * 24 * 3600 * 1000
const leaseTtlMsMin = 10
/** A timer's maximum, so that the end of a lease fits into one. */
const leaseTtlMsMax = 2 ** 31 - 1

export interface ArgumentChecks {
  name(name: string): void
  value(value: string): void
  message(message: string): void
  ttl(ttlMs: number): void
  leaseTtl(ttlMs: number): void
  /** What is counted: a whole number from 1. */
  amount(by: number): void
  whole(by: number): void
}

export function createArgumentChecks(bounds: CoordinationBounds): ArgumentChecks {
  const { nameBytesMax, valueBytesMax, messageBytesMax } = bounds
  return {
    name(name) {
      if (name === '') throw refused('A name must not be empty.')
      checkText('A name', name, nameBytesMax)
    },
    value: (value) => checkText('A value', value, valueBytesMax),
    message: (message) => checkText('A message', message, messageBytesMax),
    ttl: (ttlMs) => checkNumber('A time to live', ttlMs, ttlMsMin, ttlMsMax),
    leaseTtl: (ttlMs) => checkNumber("A lease's time", ttlMs, leaseTtlMsMin, leaseTtlMsMax),
    amount: (by) => checkNumber('An amount', by, 1, Number.MAX_SAFE_INTEGER),
    whole: (by) => checkNumber('An amount', by, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  }
}

function checkText(what: string, text: string, bytesMax: number): void {
  if (Buffer.byteLength(text) > bytesMax) throw refused(`${what} may have ${String(bytesMax)} bytes at most.`)
  // Anything else would come back as another text.
  if (!text.isWellFormed()) throw refused(`${what} must be well-formed text, without half of a surrogate pair.`)
}

function checkNumber(what: string, value: number, min: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return
  throw refused(`${what} must be a whole number from ${String(min)} to ${String(max)}.`)
}

export function refused(message: string): Failure {
  return new Failure('SLUICE_COORDINATION_REFUSED', message)
}
