/**
 * One number for a set of rows, whatever their order: the audit compares it with what the table holds.
 *
 * Each row gives two 32-bit hashes (different seeds) over its uuid and position; each is summed modulo 2^32; the number
 * is the first sum in the upper half and the second in the lower. A row that is missing, doubled or changed alters it.
 * `idSetHashSql` is the same sum in ClickHouse.
 */
export class IdSet {
  #high = 0
  #low = 0

  /** `uuid` in lower case with hyphens. Allocates nothing: this runs for every row. */
  add(uuid: string, offset: number, index: number): void {
    const words = uuidWords(uuid)
    const offsetLow = offset >>> 0
    const offsetHigh = Math.floor(offset / 4_294_967_296)
    this.#high = (this.#high + hash(seeds[0], words, offsetLow, offsetHigh, index)) >>> 0
    this.#low = (this.#low + hash(seeds[1], words, offsetLow, offsetHigh, index)) >>> 0
  }

  get hash(): bigint {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low)
  }
}

/** Sums of disjoint sets: what `IdSet` would say of their union. */
export function unionOf(hashes: Iterable<bigint>): bigint {
  let high = 0n
  let low = 0n
  for (const hash of hashes) {
    high = (high + (hash >> 32n)) & 0xffffffffn
    low = (low + (hash & 0xffffffffn)) & 0xffffffffn
  }
  return (high << 32n) | low
}

const seeds = [0x9747b28c, 0x2545f491] as const
const multiplier = 0x9e3779b1

type Words = [number, number, number, number]
const scratch: Words = [0, 0, 0, 0]

function uuidWords(uuid: string): Words {
  scratch[0] = hexWord(uuid, 0, 8)
  scratch[1] = (hexWord(uuid, 9, 13) << 16) | hexWord(uuid, 14, 18)
  scratch[2] = (hexWord(uuid, 19, 23) << 16) | hexWord(uuid, 24, 28)
  scratch[3] = hexWord(uuid, 28, 36)
  return scratch
}

function hexWord(text: string, from: number, to: number): number {
  let word = 0
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    word = (word << 4) | (code < 58 ? code - 48 : code - 87)
  }
  return word
}

function hash(seed: number, words: Words, offsetLow: number, offsetHigh: number, index: number): number {
  let state = seed
  state = mix(state, words[0])
  state = mix(state, words[1])
  state = mix(state, words[2])
  state = mix(state, words[3])
  state = mix(state, offsetLow)
  state = mix(state, offsetHigh)
  return mix(state, index)
}

function mix(state: number, word: number): number {
  const product = Math.imul(state ^ word, multiplier) >>> 0
  return (product ^ (product >>> 15)) >>> 0
}

/**
 * The hash of the rows of a query on `sluice.events`, as text of a UInt64.
 *
 * @internal for tests, which hold the two against each other, and for whoever audits the ledger by hand.
 */
export const idSetHashSql = `toString(bitOr(bitShiftLeft(${sumSql(seeds[0])}, 32), ${sumSql(seeds[1])}))`

function sumSql(seed: number): string {
  const number = 'toUInt128(uuid)'
  const word = (shift: number) => `toUInt32(bitAnd(bitShiftRight(${number}, ${String(shift)}), 4294967295))`
  const words = [
    word(96),
    word(64),
    word(32),
    word(0),
    'toUInt32(bitAnd(_offset, 4294967295))',
    'toUInt32(bitShiftRight(_offset, 32))',
    'toUInt32(_index)',
  ]
  // Nested lambdas instead of nested text: each step uses its state twice.
  const step = `(state, word) -> bitXor(
    toUInt32(bitAnd(toUInt64(bitXor(state, word)) * ${String(multiplier)}, 4294967295)),
    bitShiftRight(toUInt32(bitAnd(toUInt64(bitXor(state, word)) * ${String(multiplier)}, 4294967295)), 15))`
  return `bitAnd(sum(toUInt64(arrayFold(${step}, [${words.join(', ')}], toUInt32(${String(seed)})))), 4294967295)`
}
