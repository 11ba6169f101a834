/**
 * Duplicate keys in memory, and where the first copy of each stands: those of one segment at the door of one machine
 * (`embedded/duplicate-index/`), those of a stretch of time at the owner of a cluster's partitions (`stages/ingestion/copy-index.ts`).
 *
 * Words used here:
 * - bucket: a hash table of 4,096 slots in shared memory, so that the background thread can read it where it lies. It
 *   holds the keys that begin with the same `depth` bits; the next 12 bits say at which slot a key would like to be
 *   (its home), and it stands there or in the next free slot after it. So a bucket is nearly sorted already.
 * - directory: which bucket has the keys that begin with given bits.
 *
 * A full bucket is split in two by the next bit: about 0.1 ms, so the table never stops the event loop to grow.
 *
 * Typed arrays are read with `as number`: indexes stay inside by construction, and this is the hottest path of the door.
 */
import { Failure } from '../../kit/failure.ts'
import { type IndexedPosition, positionFrom } from './indexed-position.ts'

/** A key (four words, mixed) and its packed position (two words, the first never 0). */
export const entryWords = 6

export type Bucket = Int32Array<SharedArrayBuffer>

const slotBits = 12
const slots = 1 << slotBits
const slotMask = slots - 1
/** 70 % full: a miss looks at 2.5 slots on average over a bucket's life. */
const keysPerBucketMax = 2867
const countAt = slots * entryWords
const depthAt = countAt + 1
const bucketWords = depthAt + 1
const depthMax = 32 - slotBits
const bucketsKeptMax = 128

export class KeyTable {
  readonly #pool: BucketPool
  #directory: Bucket[]
  #depth = 0
  #buckets = 1
  #keyCount = 0

  constructor(pool: BucketPool) {
    this.#pool = pool
    this.#directory = [pool.take(0)]
  }

  get keyCount(): number {
    return this.#keyCount
  }

  get memoryBytes(): number {
    return this.#buckets * bucketWords * 4
  }

  find(a: number, b: number, c: number, d: number): IndexedPosition | undefined {
    const bucket = this.#bucketOf(a)
    const at = find(bucket, a, b, c, d)
    return at < 0 ? undefined : positionFrom(bucket[at + 4] as number, bucket[at + 5] as number)
  }

  /** Nothing changes when the key is there already: the first copy stays the first. */
  add(a: number, b: number, c: number, d: number, highWord: number, lowWord: number): void {
    let bucket = this.#bucketOf(a)
    let at = find(bucket, a, b, c, d)
    if (at >= 0) return
    while ((bucket[countAt] as number) >= keysPerBucketMax) {
      this.#split(bucket, a)
      bucket = this.#bucketOf(a)
      at = find(bucket, a, b, c, d)
    }
    put(bucket, ~at, a, b, c, d, highWord, lowWord)
    this.#keyCount++
  }

  /** Nothing happens when the key is not there. */
  remove(a: number, b: number, c: number, d: number): void {
    const bucket = this.#bucketOf(a)
    const at = find(bucket, a, b, c, d)
    if (at < 0) return
    takeOut(bucket, at / entryWords)
    this.#keyCount--
  }

  /** Gives the buckets away: nobody may use the table or its buckets any more. */
  release(): void {
    for (const bucket of this.buckets()) this.#pool.give(bucket)
    this.#directory = []
  }

  /** Every bucket once, in key order. */
  buckets(): Bucket[] {
    return this.#directory.filter((bucket, i) => i === 0 || bucket !== this.#directory[i - 1])
  }

  #bucketOf(a: number): Bucket {
    // Two shifts, because a shift by 32 is one by 0.
    return this.#directory[(a >>> 1) >>> (31 - this.#depth)] as Bucket
  }

  #split(bucket: Bucket, a: number): void {
    const depth = bucket[depthAt] as number
    if (depth === depthMax) throw new Failure('SLUICE_DUPLICATE_INDEX_SKEWED', 'Duplicate keys are not spread evenly.')
    if (depth === this.#depth) {
      this.#directory = this.#directory.flatMap((each) => [each, each])
      this.#depth++
    }
    const halves = [this.#pool.take(depth + 1), this.#pool.take(depth + 1)] as const
    for (let slot = 0; slot < slots; slot++) {
      const from = slot * entryWords
      const highWord = bucket[from + 4] as number
      if (highWord === 0) continue
      const key = bucket[from] as number
      const half = ((key << depth) | 0) < 0 ? halves[1] : halves[0]
      let to = homeOf(key, depth + 1) * entryWords
      while (half[to + 4] !== 0) to = to === slotMask * entryWords ? 0 : to + entryWords
      put(
        half,
        to,
        key,
        bucket[from + 1] as number,
        bucket[from + 2] as number,
        bucket[from + 3] as number,
        highWord,
        bucket[from + 5] as number,
      )
    }
    const places = 1 << (this.#depth - depth)
    const firstPlace = Math.floor(((a >>> 1) >>> (31 - this.#depth)) / places) * places
    this.#directory.fill(halves[0], firstPlace, firstPlace + places / 2)
    this.#directory.fill(halves[1], firstPlace + places / 2, firstPlace + places)
    this.#buckets++
    this.#pool.give(bucket)
  }
}

/**
 * Buckets for use again. Shared memory does not press the garbage collector, so what is merely dropped can stay for
 * hours. `bucketsKeptMax` bounds what lies idle: 12 MB.
 */
export class BucketPool {
  readonly #idle: Bucket[] = []

  take(depth: number): Bucket {
    const bucket = this.#idle.pop() ?? new Int32Array(new SharedArrayBuffer(bucketWords * 4))
    bucket.fill(0)
    bucket[depthAt] = depth
    return bucket
  }

  give(bucket: Bucket): void {
    if (this.#idle.length < bucketsKeptMax) this.#idle.push(bucket)
  }
}

/**
 * The bucket's entries in key order (words unsigned), into `into`; how many there were. The bucket may be in use by
 * another thread that reads it, too.
 */
export function sortBucket(bucket: Bucket, into: Int32Array): number {
  const depth = bucket[depthAt] as number
  let count = 0
  for (let slot = 0; slot < slots; slot++) {
    const at = slot * entryWords
    // Keys whose home is behind them came round the end; they are greater than all others.
    if (bucket[at + 4] !== 0 && homeOf(bucket[at] as number, depth) <= slot) insertSorted(into, count++, bucket, at)
  }
  for (let slot = 0; slot < slots; slot++) {
    const at = slot * entryWords
    if (bucket[at + 4] === 0) break
    if (homeOf(bucket[at] as number, depth) > slot) insertSorted(into, count++, bucket, at)
  }
  return count
}

/** Words that `sortBucket` may write. */
export const sortedWordsMax = slots * entryWords

function insertSorted(into: Int32Array, count: number, from: Int32Array, at: number): void {
  let to = count * entryWords
  while (to > 0 && isKeyLess(from, at, into, to - entryWords)) {
    into.copyWithin(to, to - entryWords, to)
    to -= entryWords
  }
  for (let i = 0; i < entryWords; i++) into[to + i] = from[at + i] as number
}

/** Whether the key at `i` of `left` comes before the one at `j` of `right`. */
export function isKeyLess(left: Int32Array, i: number, right: Int32Array, j: number): boolean {
  for (let word = 0; word < 4; word++) {
    const x = (left[i + word] as number) >>> 0
    const y = (right[j + word] as number) >>> 0
    if (x !== y) return x < y
  }
  return false
}

function homeOf(a: number, depth: number): number {
  return (a << depth) >>> (32 - slotBits)
}

/** Where the key stands, or the inverted (`~`) place of the free slot where it would. */
function find(bucket: Bucket, a: number, b: number, c: number, d: number): number {
  let at = homeOf(a, bucket[depthAt] as number) * entryWords
  while (bucket[at + 4] !== 0) {
    if (bucket[at] === a && bucket[at + 1] === b && bucket[at + 2] === c && bucket[at + 3] === d) return at
    at = at === slotMask * entryWords ? 0 : at + entryWords
  }
  return ~at
}

function put(
  bucket: Bucket,
  at: number,
  a: number,
  b: number,
  c: number,
  d: number,
  highWord: number,
  lowWord: number,
): void {
  bucket[at] = a
  bucket[at + 1] = b
  bucket[at + 2] = c
  bucket[at + 3] = d
  bucket[at + 4] = highWord
  bucket[at + 5] = lowWord
  ;(bucket[countAt] as number)++
}

/** Moves later entries of the same cluster up, so that no search stops early at the hole. */
function takeOut(bucket: Bucket, slot: number): void {
  const depth = bucket[depthAt] as number
  let hole = slot
  let next = (hole + 1) & slotMask
  while (bucket[next * entryWords + 4] !== 0) {
    const home = homeOf(bucket[next * entryWords] as number, depth)
    if (((next - home) & slotMask) >= ((next - hole) & slotMask)) {
      bucket.copyWithin(hole * entryWords, next * entryWords, (next + 1) * entryWords)
      hole = next
    }
    next = (next + 1) & slotMask
  }
  bucket.fill(0, hole * entryWords, (hole + 1) * entryWords)
  ;(bucket[countAt] as number)--
}
