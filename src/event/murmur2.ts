/**
 * Kafka's way from a key to a partition (murmur2, then positive, then modulo), so that a lane here and a topic there
 * put one user's events into the same partition. Only an outcome equal to Kafka's is right; the tests hold its vectors.
 */
const m = 0x5bd1e995
const seed = 0x9747b28c

/** murmur2 as Kafka's clients compute it: a signed 32-bit integer over the key's UTF-8 bytes. */
function murmur2(key: string): number {
  // Keys are nearly always ASCII; then the characters are the bytes, and no buffer is needed.
  const length = key.length
  let h = seed ^ length
  const whole = length & ~3
  let seen = 0
  for (let i = 0; i < whole; i += 4) {
    const a = key.charCodeAt(i)
    const b = key.charCodeAt(i + 1)
    const c = key.charCodeAt(i + 2)
    const d = key.charCodeAt(i + 3)
    seen |= a | b | c | d
    h = mixed(h, a | (b << 8) | (c << 16) | (d << 24))
  }
  const rest = length - whole
  const a = rest > 0 ? key.charCodeAt(whole) : 0
  const b = rest > 1 ? key.charCodeAt(whole + 1) : 0
  const c = rest > 2 ? key.charCodeAt(whole + 2) : 0
  if ((seen | a | b | c) > 0x7f) return murmur2OfBytes(Buffer.from(key))
  return finished(h, rest, a | (b << 8) | (c << 16))
}

function murmur2OfBytes(bytes: Uint8Array): number {
  const length = bytes.length
  const at = (i: number): number => bytes[i] ?? 0
  let h = seed ^ length
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) h = mixed(h, at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24))
  return finished(h, length - whole, at(whole) | (at(whole + 1) << 8) | (at(whole + 2) << 16))
}

function mixed(h: number, word: number): number {
  let k = Math.imul(word, m)
  k = Math.imul(k ^ (k >>> 24), m)
  return Math.imul(h, m) ^ k
}

/** `rest`: how many bytes are in `tail`, 0 to 3. */
function finished(hash: number, rest: number, tail: number): number {
  let h = hash
  if (rest > 0) h = Math.imul(h ^ tail, m)
  h = Math.imul(h ^ (h >>> 13), m)
  return h ^ (h >>> 15)
}

/** The partition of a key, as Kafka's default partitioner (`murmur2_random` in librdkafka) chooses it. */
export function partitionOf(key: string, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}
