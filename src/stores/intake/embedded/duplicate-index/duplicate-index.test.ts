import assert from 'node:assert/strict'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../../../../kit/failure.ts'
import { silent, type Telemetry } from '../../../../kit/telemetry/telemetry.ts'
import type { DuplicateKey } from '../../intake.ts'
import { type DuplicateIndex, type DuplicateIndexOptions, openDuplicateIndex } from './duplicate-index.ts'
import type { IndexedPosition } from '../../indexed-position.ts'
import { KeyFileThread } from './key-file-thread.ts'
import { type SeededRandom, seededRandom } from '../../random-keys.fixtures.ts'

const folders: string[] = []

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-duplicate-index-'))
  folders.push(folder)
  return folder
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(1)
}

/** Checks by the hundred thousand: a comparison that costs nothing when it holds. */
function isSame(left: IndexedPosition | undefined, right: IndexedPosition): boolean {
  return left?.offset === right.offset && left.partition === right.partition && left.lane === right.lane
}

interface Segment {
  readonly segment: number
  readonly fingerprint: number
  readonly oldestTimeMs: number
  readonly newestTimeMs: number
  readonly entries: Map<string, { readonly key: DuplicateKey; readonly position: IndexedPosition }>
}

/**
 * Does what the journal does: keeps the entries of each segment, feeds the index, restores what it does not cover. Time
 * is counted in entries.
 */
class Owner {
  readonly random: SeededRandom
  readonly segments: Segment[] = []
  current = new Map<string, { readonly key: DuplicateKey; readonly position: IndexedPosition }>()
  timeMs = 0
  segmentStartMs = 0
  horizonMs = 0
  dir: string
  thread = new KeyFileThread()
  readonly limits: Partial<DuplicateIndexOptions>
  readonly damaged: number[] = []
  index!: DuplicateIndex

  constructor(limits: Partial<DuplicateIndexOptions> = {}, random = seededRandom(), dir = newFolder()) {
    this.limits = limits
    this.random = random
    this.dir = dir
  }

  async open(): Promise<this> {
    this.thread = new KeyFileThread()
    this.index = await openDuplicateIndex(
      {
        dir: this.dir,
        telemetry: silent,
        isKnownSegment: (segment, fingerprint) => this.segments[segment]?.fingerprint === fingerprint,
        onDamaged: (segments) => this.damaged.push(...segments),
        retryDelayMsMax: 2,
        ...this.limits,
      },
      this.thread,
    )
    return this
  }

  /** After a restart, and after damage. */
  async restore(): Promise<void> {
    const covered = this.index.coveredSegments()
    for (const { entries, segment, fingerprint, oldestTimeMs, newestTimeMs } of this.segments) {
      if (covered.has(segment) || newestTimeMs < this.horizonMs) continue
      const restoration = this.index.restore(segment)
      for (const { key, position } of entries.values()) restoration.add(key, position)
      await restoration.done({ fingerprint, oldestTimeMs, newestTimeMs })
    }
  }

  add(key: DuplicateKey): void {
    const { random } = this
    const position = {
      lane: random.below(3),
      partition: random.below(16),
      offset: this.timeMs + random.below(2) * 2 ** 40,
    }
    if (this.index.find(key) !== undefined) assert.fail(this.told('a new key is not found'))
    this.index.add(key, position)
    this.current.set(key.join(), { key, position })
    this.timeMs++
  }

  fill(count: number): void {
    for (let i = 0; i < count; i++) this.add(this.random.key())
  }

  takeBack(count: number): void {
    for (const [name, { key }] of [...this.current].slice(-count)) {
      this.index.remove(key)
      this.current.delete(name)
      assert.equal(this.index.find(key), undefined, this.told('a key taken back is not found'))
    }
  }

  seal(): void {
    const sealed = {
      segment: this.segments.length,
      fingerprint: this.random.below(2 ** 32),
      oldestTimeMs: this.segmentStartMs,
      newestTimeMs: this.timeMs,
    }
    this.segments.push({ ...sealed, entries: this.current })
    this.index.sealed(sealed)
    this.current = new Map()
    this.segmentStartMs = this.timeMs
  }

  dropOlderThan(timeMs: number): void {
    this.horizonMs = timeMs
    this.index.dropOlderThan(timeMs)
  }

  isSettled(): boolean {
    const covered = this.index.coveredSegments()
    return this.segments.every(({ segment, newestTimeMs }) => covered.has(segment) || newestTimeMs < this.horizonMs)
  }

  /** Everything is in files; what is found damaged on the way is restored. */
  async settle(): Promise<void> {
    while (!this.isSettled()) {
      const damaged = this.damaged.length
      await until(() => this.isSettled() || this.damaged.length > damaged)
      await this.restore()
    }
  }

  /** Every key is answered rightly; `doubts` counts answers refused because of damage. */
  check(): { doubts: number } {
    let doubts = 0
    const find = (key: DuplicateKey) => {
      try {
        return { found: this.index.find(key) }
      } catch (error) {
        assert.equal(codeOf(error), 'SLUICE_DUPLICATE_INDEX_DAMAGED')
        doubts++
        return undefined
      }
    }
    for (const { key, position } of this.current.values()) assert.deepEqual(find(key)?.found, position)
    for (const { entries, newestTimeMs } of this.segments)
      for (const { key, position } of entries.values()) {
        const answer = find(key)
        if (answer === undefined || (answer.found === undefined && newestTimeMs < this.horizonMs)) continue
        if (!isSame(answer.found, position))
          assert.deepEqual(answer.found, position, this.told('a key within the window is found where it was first'))
      }
    for (let i = 0; i < 2000; i++) {
      const answer = find(this.random.key())
      assert.equal(answer?.found, undefined, this.told('a key never added is not found'))
    }
    return { doubts }
  }

  told(promise: string): string {
    return `${promise} (seed ${String(this.random.seed)})`
  }

  /** A restart from what a crash at this moment would leave on disk, as far as a copy of the folder can tell. */
  async crash(): Promise<void> {
    const dir = newFolder()
    for (const name of readdirSync(this.dir))
      try {
        cpSync(join(this.dir, name), join(dir, name))
      } catch (error) {
        // Merged away between the listing and the copy.
        assert.equal(codeOf(error), 'ENOENT')
      }
    await this.index.close()
    this.dir = dir
    // What was not sealed was not synced either, in this test.
    this.current = new Map()
    this.segmentStartMs = this.timeMs
    await this.open()
    await this.restore()
  }
}

let owners: Owner[] = []

async function anOwner(limits: Partial<DuplicateIndexOptions> = {}, random?: SeededRandom): Promise<Owner> {
  const owner = await new Owner(limits, random).open()
  owners.push(owner)
  return owner
}

afterEach(async () => {
  await Promise.all(owners.map((owner) => owner.index.close()))
  owners = []
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

describe('a duplicate index', () => {
  it('answers like a Map through seals, merges, removals, drops, restarts and crashes', async () => {
    const random = seededRandom()
    const owner = await anOwner({ windowMs: 60_000 }, random)
    for (let step = 0; step < 120; step++) {
      owner.fill(random.below(1500))
      if (random.below(4) === 0) owner.takeBack(random.below(100))
      if (random.below(3) > 0) owner.seal()
      if (random.below(10) === 0) owner.dropOlderThan(owner.timeMs - 60_000)
      if (random.below(3) === 0) await sleep(random.below(20))
      if (random.below(20) === 0) {
        owner.seal()
        await owner.index.close()
        await owner.open()
        await owner.restore()
      }
      if (random.below(20) === 0) await owner.crash()
      if (step % 10 === 0) owner.check()
    }
    await owner.settle()
    owner.check()
  })

  it('covers after a clean close what was sealed before it', async () => {
    const owner = await anOwner()
    for (let i = 0; i < 5; i++) {
      owner.fill(1000)
      owner.seal()
    }
    await owner.index.close()
    await owner.open()
    assert.deepEqual([...owner.index.coveredSegments()].sort(), [0, 1, 2, 3, 4])
    assert.deepEqual(owner.check(), { doubts: 0 })
  })

  it('covers a segment without keys too', async () => {
    const owner = await anOwner()
    owner.seal()
    await owner.settle()
    assert.deepEqual(owner.check(), { doubts: 0 })
  })

  it('tells keys apart that differ in one bit, in memory and in a file', async () => {
    const owner = await anOwner()
    const key = owner.random.key()
    owner.add(key)
    const others = Array.from({ length: 128 }, (_, bit) =>
      key.map((word, i) => (i === bit >>> 5 ? (word ^ (1 << (bit & 31))) >>> 0 : word)),
    ) as unknown as DuplicateKey[]
    for (const other of others) assert.equal(owner.index.find(other), undefined, owner.told('in memory'))
    for (const other of others) owner.add(other)
    owner.check()
    owner.seal()
    await owner.settle()
    owner.check()
  })

  it('discards files of segments that the journal does not know', async () => {
    const owner = await anOwner()
    owner.fill(100)
    owner.seal()
    await owner.index.close()
    const [segment] = owner.segments
    assert.ok(segment !== undefined)
    owner.segments[0] = { ...segment, fingerprint: (segment.fingerprint + 1) >>> 0 }
    await owner.open()
    assert.equal(owner.index.coveredSegments().size, 0)
    assert.deepEqual(readdirSync(owner.dir), [])
  })

  it('drops a file when its newest key is too old, not before', async () => {
    const owner = await anOwner()
    owner.fill(100)
    owner.seal()
    await owner.settle()
    owner.dropOlderThan(100)
    assert.equal(owner.index.stats().keysInFiles, 100)
    owner.dropOlderThan(101)
    assert.equal(owner.index.stats().keysInFiles, 0)
    await until(() => readdirSync(owner.dir).length === 0)
  })

  it('removes what a crash left unfinished', async () => {
    const owner = await anOwner()
    await owner.index.close()
    writeFileSync(join(owner.dir, 'keys-1-2-01234567.idx.tmp'), 'half')
    writeFileSync(join(owner.dir, 'keys-1-2-01234567.idx.damaged'), 'bad')
    await owner.open()
    assert.deepEqual(readdirSync(owner.dir), [])
  })

  it('keeps one of a merged file and its parts when a crash left both', async () => {
    const owner = await anOwner()
    owner.fill(500)
    owner.seal()
    await owner.settle()
    const copies = newFolder()
    cpSync(owner.dir, copies, { recursive: true })
    for (let i = 0; i < 5; i++) {
      owner.fill(500)
      owner.seal()
    }
    await until(() => owner.index.stats().files === 1 && owner.index.coveredSegments().size === 6)
    await owner.index.close()
    cpSync(copies, owner.dir, { recursive: true })
    await owner.open()
    assert.deepEqual(owner.index.stats(), { ...owner.index.stats(), files: 1, keysInFiles: 3000 })
    assert.deepEqual(owner.check(), { doubts: 0 })
  })
})

describe('a duplicate index with damaged files', () => {
  const corruptions: Readonly<Record<string, (path: string, random: SeededRandom) => void>> = {
    'a bit flipped': (path, random) => {
      const bytes = readFileSync(path)
      const at = random.below(bytes.length)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
      writeFileSync(path, bytes)
    },
    'its end cut off': (path, random) => truncateSync(path, random.below(statSync(path).size)),
    'a block of zeros': (path, random) => {
      const bytes = readFileSync(path)
      const block = random.below(bytes.length / 4096)
      writeFileSync(path, bytes.fill(0, block * 4096, (block + 1) * 4096))
    },
    'a block in the place of another': (path, random) => {
      const bytes = readFileSync(path)
      const [from, to] = [random.below(bytes.length / 4096), random.below(bytes.length / 4096)]
      bytes.copy(bytes, to * 4096, from * 4096, (from + 1) * 4096)
      writeFileSync(path, bytes)
    },
  }

  for (const [name, corrupt] of Object.entries(corruptions))
    it(`never answers wrongly, and is whole again after a restoration, when a file has ${name}`, async () => {
      const rounds = Array.from({ length: 6 }, async (_, round) => {
        const isOpen = round % 2 === 0
        const owner = await anOwner()
        const { random } = owner
        for (let i = 0; i < 7; i++) {
          owner.fill(random.below(3000))
          owner.seal()
        }
        await owner.settle()
        if (!isOpen) await owner.index.close()
        const files = readdirSync(owner.dir).filter((file) => file.endsWith('.idx'))
        corrupt(join(owner.dir, files[random.below(files.length)] ?? ''), random)
        if (!isOpen) {
          await owner.open()
          await owner.restore()
        }
        // Damage that only reading tells may refuse answers now, never falsify them.
        owner.check()
        await owner.restore()
        await owner.settle()
        assert.deepEqual(owner.check(), { doubts: 0 }, owner.told('no doubt is left'))
        await owner.index.close()
        await owner.open()
        await owner.restore()
        assert.deepEqual(owner.check(), { doubts: 0 }, owner.told('no doubt is left after a restart'))
      })
      await Promise.all(rounds)
    })

  it('refuses to answer from a damaged block, says so once, and answers for all other keys', async () => {
    const owner = await anOwner()
    owner.fill(20_000)
    owner.seal()
    await owner.settle()
    const [file = ''] = readdirSync(owner.dir)
    const bytes = readFileSync(join(owner.dir, file))
    writeFileSync(join(owner.dir, file), bytes.fill(1, 4096 * 3, 4096 * 3 + 100))
    const { doubts } = owner.check()
    assert.ok(doubts >= 170 && doubts < 400, owner.told(String(doubts)))
    await until(() => owner.damaged.length > 0)
    owner.check()
    assert.deepEqual(owner.damaged, [0])
    assert.equal(owner.index.coveredSegments().size, 0)
  })

  it('restores segments of a file that a merge found damaged', async () => {
    const owner = await anOwner()
    for (let i = 0; i < 5; i++) {
      owner.fill(2000)
      owner.seal()
    }
    await owner.settle()
    const [file = ''] = readdirSync(owner.dir)
    const bytes = readFileSync(join(owner.dir, file))
    // Filled before the damage: a filter's false alarm on a new key would meet the damaged block first.
    owner.fill(2000)
    writeFileSync(join(owner.dir, file), bytes.fill(1, 5000, 5001))
    owner.seal()
    await until(() => owner.damaged.length > 0)
    await owner.restore()
    await owner.settle()
    assert.deepEqual(owner.check(), { doubts: 0 })
  })
})

describe('a duplicate index whose background work fails', () => {
  it('goes on when the thread dies at any moment, also in the middle of a merge', async () => {
    const random = seededRandom()
    const owner = await anOwner({}, random)
    for (let i = 0; i < 60; i++) {
      owner.fill(2000)
      owner.seal()
      await sleep(random.below(8))
      if (i % 3 === 0) await owner.thread.end()
    }
    owner.check()
    await owner.settle()
    assert.deepEqual(owner.check(), { doubts: 0 })
    await owner.index.close()
    await owner.open()
    assert.equal(owner.index.coveredSegments().size, 60)
    assert.deepEqual(owner.check(), { doubts: 0 })
  })

  it('refuses keys beyond keysInMemoryMax while files cannot be written, and takes them again afterwards', async () => {
    const owner = await anOwner({ keysInMemoryMax: 5000 })
    const elsewhere = `${owner.dir}-elsewhere`
    folders.push(elsewhere)
    renameSync(owner.dir, elsewhere)
    owner.fill(3000)
    owner.seal()
    owner.fill(2000)
    assert.equal(owner.index.room(), 0)
    assert.throws(() => owner.fill(1), { code: 'SLUICE_DUPLICATE_INDEX_FULL', retryable: true })
    renameSync(elsewhere, owner.dir)
    await until(() => owner.index.room() === 3000)
    owner.fill(3000)
    owner.check()
  })

  it('closes without its files, and restores them afterwards', async () => {
    const owner = await anOwner()
    const elsewhere = `${owner.dir}-elsewhere`
    folders.push(elsewhere)
    renameSync(owner.dir, elsewhere)
    owner.fill(100)
    owner.seal()
    await owner.index.close()
    await owner.open()
    assert.equal(owner.index.coveredSegments().size, 0)
    await owner.restore()
    assert.deepEqual(owner.check(), { doubts: 0 })
  })
})

describe('the bounds of a duplicate index', () => {
  it('never has more than filesMax files, however small', async () => {
    const owner = await anOwner({ filesMax: 4, windowMs: 60 })
    for (let i = 0; i < 40; i++) {
      owner.fill(20)
      owner.seal()
      assert.ok(owner.index.stats().files <= 4)
      await sleep(1)
    }
    await owner.settle()
    assert.ok(owner.index.stats().files <= 4)
    assert.deepEqual(owner.check(), { doubts: 0 })
  })

  it('forgets the oldest file beyond keysMax, and says so', async () => {
    const said: string[] = []
    const telemetry: Telemetry = { ...silent, log: (level, message) => said.push(`${level}: ${message}`) }
    const owner = await anOwner({ keysMax: 2500, telemetry })
    for (let i = 0; i < 3; i++) {
      owner.fill(1000)
      owner.seal()
    }
    await until(() => owner.index.stats().keysInMemory === 0)
    assert.equal(owner.index.stats().keysInFiles, 2000)
    assert.ok(
      said.some((line) => line.startsWith('error: Duplicate keys forgotten')),
      said.join('\n'),
    )
    owner.horizonMs = 1001
    owner.check()
  })

  it('takes less than 20 bits of memory a key at a million keys in files, and 27 bytes of disk', async () => {
    const owner = await anOwner()
    const key: [number, number, number, number] = [0, 0, 0, 0]
    for (let i = 0; i < 1_000_000; i++) {
      key[0] = i
      owner.index.add(key, { lane: 0, partition: 0, offset: i })
      if (i % 100_000 === 99_999) owner.seal()
    }
    // Six of the ten files become one; what was merged is removed.
    await until(() => owner.index.stats().keysInMemory === 0 && readdirSync(owner.dir).length === 5)
    const { memoryBytes, keysInFiles } = owner.index.stats()
    // An empty table for the segment being written is always there.
    const bits = ((memoryBytes - 100_000) * 8) / keysInFiles
    assert.ok(bits < 20, `${String(bits)} bits`)
    await owner.index.close()
    const diskBytes = readdirSync(owner.dir).reduce((sum, name) => sum + statSync(join(owner.dir, name)).size, 0)
    assert.ok(diskBytes / keysInFiles < 27, `${String(diskBytes / keysInFiles)} bytes`)
  })
})
