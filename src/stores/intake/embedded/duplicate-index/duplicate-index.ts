/**
 * Which duplicate keys came within the window, and where the first copy of each stands. Everything here is derived from
 * the journal's frames and can be had from them again; nothing here is the only copy of anything.
 *
 * Words used here:
 * - table: the keys of one segment in memory. The segment being written has one (the current table); a sealed segment
 *   keeps its own (waiting) until its key file is durable; a segment being read again from frames has one (restoring).
 * - key file: the keys of one or several sealed segments, sorted, on disk. A run is a key file in service: its filter and
 *   fences are in memory. Neighbouring files are merged, and a file is dropped whole when its newest key is too old.
 * - covered: a segment whose keys are in a durable, undamaged key file. After a restart the owner restores all others.
 * - fingerprint: a random number of a segment, which tells it from another of the same number.
 *
 * A segment goes: current → (sealed) waiting → covered by a file of its own → covered by ever bigger files → dropped.
 *
 * What happens on disk. Files are written by a background thread: temporary name, sync, rename, sync of the folder; only
 * then do the table or the merged files go. So a crash leaves each sealed segment's keys in a whole file, or in no
 * file (it is then not covered), or in a file and the bigger one made of it (the smaller is removed at open). Names that
 * end in `.tmp` (unfinished) or `.damaged` are removed at open.
 *
 * Damage. Files that are not as written are removed at open. A block found damaged later makes `find` throw for the few
 * keys that only this block can answer for, puts the file aside for the next open (`.damaged`) and tells the owner, who
 * restores the file's segments; when all are restored the file goes.
 *
 * Bounds. `keysInMemoryMax`: `room()` is what is left of it, and the owner refuses events (503) rather than go beyond; it
 * runs out when files cannot be written or merged (full disk). `filesMax`: sealed segments wait in memory until a merge
 * makes place. `keysMax`: the oldest file is dropped early, and said so as an error. A failed task is tried again, ever
 * more slowly up to `retryDelayMsMax`, for as long as its table waits.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, messageOf } from '../../../../kit/failure.ts'
import type { Telemetry } from '../../../../kit/telemetry/telemetry.ts'
import type { DuplicateKey } from '../../intake.ts'
import {
  backgroundTaskFailed,
  duplicateIndexOpened,
  duplicateIndexSized,
  keyFileDamaged,
  keyFileDiscarded,
  windowShortened,
} from './duplicate-index.events.ts'
import { highWordOf, type IndexedPosition, lowWordOf } from '../../indexed-position.ts'
import { isKeyFileName, KeyFileDamaged, keyFileName, type LoadedKeyFile } from './key-file.ts'
import { filterScale, firstPossible } from './key-filter.ts'
import { KeyFileThread } from './key-file-thread.ts'
import { mixKey, randomSeed, seedWords } from '../../key-mixing.ts'
import { KeyRun } from './key-run.ts'
import { chooseMerge } from './merge-plan.ts'
import { BucketPool, KeyTable } from '../../key-table.ts'

export interface DuplicateIndex {
  /**
   * Where the first copy stands; undefined when the key was not added within the window. Keys answer for at least the
   * window and at most a sixth of it longer. No I/O, except one read of 4 KiB when a file has the key or its filter is
   * wrong (about once in 30 unseen keys at 100 million).
   * @throws Failure SLUICE_DUPLICATE_INDEX_DAMAGED (retryable) when only a damaged block could tell: never a guess.
   */
  find(key: DuplicateKey): IndexedPosition | undefined
  /**
   * Remembers a key that `find` did not find, for the segment being written.
   * @throws Failure SLUICE_DUPLICATE_INDEX_FULL (retryable) when `room()` is 0.
   */
  add(key: DuplicateKey, position: IndexedPosition): void
  /** Takes back a key added for the segment being written. */
  remove(key: DuplicateKey): void
  /** How many keys can be added now. */
  room(): number
  /** The segment being written ends; its keys go to a file in the background, and stay known meanwhile. */
  sealed(segment: SealedSegment): void
  /** Begins to put the keys of a sealed segment in again, from its frames. Any number of segments can be restored at once. */
  restore(segment: number): SegmentRestoration
  /** Segments whose keys are safely in files; the owner restores all others that reach into the window. */
  coveredSegments(): ReadonlySet<number>
  /** Forgets files whose newest key is older. Keys in memory stay. */
  dropOlderThan(timeMs: number): void
  stats(): DuplicateIndexStats
  /** Writes what is sealed (once; what fails is restored after the next start) and ends the background thread. Safe to call twice. */
  close(): Promise<void>
}

export interface SealedSegment {
  readonly segment: number
  readonly fingerprint: number
  /** Log time of the segment's first and last frame. */
  readonly oldestTimeMs: number
  readonly newestTimeMs: number
}

export interface SegmentRestoration {
  /** @throws Failure SLUICE_DUPLICATE_INDEX_FULL (retryable) when `room()` is 0. */
  add(key: DuplicateKey, position: IndexedPosition): void
  /** All keys are in. Resolves once they are in a durable file, so that awaiting it bounds the memory of a long restoration. */
  done(segment: Omit<SealedSegment, 'segment'>): Promise<void>
}

export interface DuplicateIndexStats {
  readonly files: number
  readonly keysInFiles: number
  readonly keysInMemory: number
  readonly memoryBytes: number
}

export interface DuplicateIndexOptions {
  /** Made when it is not there. Nothing else may be kept in it, and no other process may use it. */
  readonly dir: string
  readonly telemetry: Telemetry
  /**
   * Whether the journal has this segment, with this fingerprint, or had it and let go of it. A key file with a segment for
   * which this is false belongs to another journal, or to a later state of this one, and is discarded.
   */
  readonly isKnownSegment: (segment: number, fingerprint: number) => boolean
  /** A key file was found damaged while in use: restore these segments, those beyond the window excepted. */
  readonly onDamaged: (segments: readonly number[]) => void
  /** How long keys are kept, of log time; the owner calls `dropOlderThan` accordingly. Files span at most a sixth of it. */
  readonly windowMs?: number
  /** About 45 bytes of memory each. Must exceed what one segment can hold. */
  readonly keysInMemoryMax?: number
  /** About 1.8 bytes of memory and 25 of disk each. */
  readonly keysMax?: number
  readonly filesMax?: number
  readonly retryDelayMsMax?: number
}

const hourMs = 3_600_000
const defaults = {
  windowMs: 24 * hourMs,
  keysInMemoryMax: 2_000_000,
  keysMax: 250_000_000,
  filesMax: 64,
  retryDelayMsMax: 30_000,
}
const filesPerWindow = 6
const firstRetryDelayMs = 250

/** `thread` is for tests: one that can be ended at any time. */
export async function openDuplicateIndex(
  options: DuplicateIndexOptions,
  thread: KeyFileThread = new KeyFileThread(),
): Promise<DuplicateIndex> {
  await mkdir(options.dir, { recursive: true })
  try {
    const files = await loadFolder(options, thread)
    const index = new FileBackedDuplicateIndex(options, thread, files)
    const { keysInFiles } = index.stats()
    const segments = index.coveredSegments().size
    duplicateIndexOpened({ files: files.length, keys: keysInFiles, segments }).emit(options.telemetry)
    return index
  } catch (error) {
    await thread.end()
    throw error
  }
}

/** The files that can be used together; all others are removed. */
async function loadFolder(options: DuplicateIndexOptions, thread: KeyFileThread): Promise<LoadedKeyFile[]> {
  const { dir, telemetry, isKnownSegment } = options
  const discard = async (path: string, reason: string) => {
    keyFileDiscarded(path, reason).emit(telemetry)
    await rm(path, { force: true })
  }
  const loaded: LoadedKeyFile[] = []
  for (const name of await readdir(dir)) {
    const path = join(dir, name)
    if (!isKeyFileName(name)) {
      await rm(path, { force: true })
      continue
    }
    try {
      const file = await thread.run({ kind: 'load', path })
      if (file !== undefined) loaded.push(file)
    } catch (error) {
      if (!(error instanceof KeyFileDamaged)) throw error
      await discard(path, error.message)
    }
  }
  // Bigger files first: a file whose segments are all in a bigger one is what a merge left behind when it was cut off.
  loaded.sort((left, right) => right.segments.length - left.segments.length)
  const seed = loaded[0]?.seed
  const covered = new Set<number>()
  const usable: LoadedKeyFile[] = []
  for (const file of loaded) {
    const isKnown = file.segments.every((segment, i) => isKnownSegment(segment, file.fingerprints[i] ?? 0))
    if (!isKnown) await discard(file.path, 'It holds a segment that the journal does not have.')
    else if (!file.seed.every((word, i) => word === seed?.[i])) await discard(file.path, 'Its seed is another.')
    else if (file.segments.every((segment) => covered.has(segment))) await rm(file.path, { force: true })
    else {
      file.segments.forEach((segment) => covered.add(segment))
      usable.push(file)
    }
  }
  return usable
}

interface WaitingTable {
  readonly table: KeyTable
  readonly sealed: SealedSegment
  readonly written: PromiseWithResolvers<undefined>
}

class FileBackedDuplicateIndex implements DuplicateIndex {
  readonly #dir: string
  readonly #telemetry: Telemetry
  readonly #onDamaged: DuplicateIndexOptions['onDamaged']
  readonly #limits: Readonly<typeof defaults>
  readonly #thread: KeyFileThread
  readonly #seed: Int32Array
  /** The key being worked on, mixed. */
  readonly #mixed = new Int32Array(seedWords)

  readonly #pool = new BucketPool()
  #current = new KeyTable(this.#pool)
  readonly #restoring = new Set<KeyTable>()
  readonly #waiting: WaitingTable[] = []
  /** All tables but the current one. */
  #otherTables: KeyTable[] = []
  #keysInOtherTables = 0

  /** Ordered by first segment. */
  #runs: KeyRun[] = []
  #filters: Int32Array[] = []
  #scales = new Float64Array(0)
  #keysInFiles = 0

  #isWriting = false
  #isMerging = false
  #retryDelayMs: number
  #retryTimer: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(options: DuplicateIndexOptions, thread: KeyFileThread, files: readonly LoadedKeyFile[]) {
    this.#dir = options.dir
    this.#telemetry = options.telemetry
    this.#onDamaged = options.onDamaged
    this.#limits = {
      windowMs: options.windowMs ?? defaults.windowMs,
      keysInMemoryMax: options.keysInMemoryMax ?? defaults.keysInMemoryMax,
      keysMax: options.keysMax ?? defaults.keysMax,
      filesMax: options.filesMax ?? defaults.filesMax,
      retryDelayMsMax: options.retryDelayMsMax ?? defaults.retryDelayMsMax,
    }
    this.#retryDelayMs = this.#firstRetryDelayMs()
    this.#thread = thread
    this.#seed = files[0]?.seed ?? randomSeed()
    this.#setRuns(files.map((file) => new KeyRun(file)))
    this.#work()
  }

  find(key: DuplicateKey): IndexedPosition | undefined {
    const mixed = this.#mixed
    mixKey(key, this.#seed, mixed)
    const a = mixed[0] as number
    const b = mixed[1] as number
    const c = mixed[2] as number
    const d = mixed[3] as number
    const inCurrent = this.#current.find(a, b, c, d)
    if (inCurrent !== undefined) return inCurrent
    for (const table of this.#otherTables) {
      const found = table.find(a, b, c, d)
      if (found !== undefined) return found
    }
    const at = firstPossible(this.#filters, this.#scales, 0, a, c)
    return at < 0 ? undefined : this.#findInRuns(at, a, b, c, d)
  }

  add(key: DuplicateKey, position: IndexedPosition): void {
    this.#addTo(this.#current, key, position)
  }

  remove(key: DuplicateKey): void {
    const mixed = this.#mixed
    mixKey(key, this.#seed, mixed)
    this.#current.remove(mixed[0] as number, mixed[1] as number, mixed[2] as number, mixed[3] as number)
  }

  room(): number {
    return Math.max(0, this.#limits.keysInMemoryMax - this.#keysInOtherTables - this.#current.keyCount)
  }

  sealed(segment: SealedSegment): void {
    const table = this.#current
    this.#current = new KeyTable(this.#pool)
    // The owner of a live segment does not wait for its file.
    this.#wait(table, segment).catch(() => undefined)
  }

  restore(segment: number): SegmentRestoration {
    const table = new KeyTable(this.#pool)
    this.#restoring.add(table)
    this.#setOtherTables()
    return {
      add: (key, position) => {
        const before = table.keyCount
        this.#addTo(table, key, position)
        this.#keysInOtherTables += table.keyCount - before
      },
      done: async (facts) => {
        this.#restoring.delete(table)
        await this.#wait(table, { segment, ...facts })
      },
    }
  }

  coveredSegments(): ReadonlySet<number> {
    const covered = new Set<number>()
    for (const run of this.#runs)
      if (run.missingSegments === undefined) run.file.segments.forEach((segment) => covered.add(segment))
    return covered
  }

  dropOlderThan(timeMs: number): void {
    const old = this.#runs.filter((run) => !run.isMerging && run.file.newestTimeMs < timeMs)
    if (old.length > 0) this.#dropRuns(old)
  }

  stats(): DuplicateIndexStats {
    return {
      files: this.#runs.length,
      keysInFiles: this.#keysInFiles,
      keysInMemory: this.#keysInOtherTables + this.#current.keyCount,
      memoryBytes:
        this.#otherTables.reduce((sum, table) => sum + table.memoryBytes, this.#current.memoryBytes) +
        this.#runs.reduce((sum, run) => sum + run.memoryBytes, 0),
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #addTo(table: KeyTable, key: DuplicateKey, position: IndexedPosition): void {
    if (this.room() === 0)
      throw new Failure('SLUICE_DUPLICATE_INDEX_FULL', 'The duplicate index waits for its files to be written.', {
        retryable: true,
      })
    const mixed = this.#mixed
    mixKey(key, this.#seed, mixed)
    const highWord = highWordOf(position)
    const lowWord = lowWordOf(position)
    table.add(mixed[0] as number, mixed[1] as number, mixed[2] as number, mixed[3] as number, highWord, lowWord)
  }

  /** Asks the runs that may have the key, beginning with run `at`. */
  #findInRuns(at: number, a: number, b: number, c: number, d: number): IndexedPosition | undefined {
    let damage: unknown
    for (let i = at; i >= 0; i = firstPossible(this.#filters, this.#scales, i + 1, a, c)) {
      const run = this.#runs[i]
      try {
        const found = run?.find(a, b, c, d)
        if (found !== undefined) return found
      } catch (error) {
        if (run === undefined || !(error instanceof KeyFileDamaged)) throw error
        damage = error
        this.#setAside(run, error.message)
      }
    }
    if (damage === undefined) return undefined
    throw new Failure(
      'SLUICE_DUPLICATE_INDEX_DAMAGED',
      'A damaged key file is being restored; the answer is there soon.',
      {
        retryable: true,
        cause: damage,
      },
    )
  }

  #wait(table: KeyTable, sealed: SealedSegment): Promise<void> {
    const written = Promise.withResolvers<undefined>()
    this.#waiting.push({ table, sealed, written })
    this.#setOtherTables()
    this.#work()
    return written.promise
  }

  /** Starts what there is to do and is not being done. */
  #work(): void {
    if (this.#retryTimer !== undefined) return
    const next = this.#waiting[0]
    if (!this.#isWriting && next !== undefined && this.#hasPlaceForFile()) {
      this.#isWriting = true
      void this.#attempt('write', () => this.#write(next)).finally(() => {
        this.#isWriting = false
        this.#work()
      })
    }
    if (!this.#isMerging && this.#closing === undefined) {
      const inputs = this.#chooseInputs()
      if (inputs === undefined) return
      this.#isMerging = true
      for (const run of inputs) run.isMerging = true
      void this.#attempt('merge', () => this.#merge(inputs)).finally(() => {
        this.#isMerging = false
        for (const run of inputs) run.isMerging = false
        this.#work()
      })
    }
  }

  /** Damaged files do not count: what makes them superfluous must be written. */
  #hasPlaceForFile(): boolean {
    return this.#runs.filter((run) => run.missingSegments === undefined).length < this.#limits.filesMax
  }

  #firstRetryDelayMs(): number {
    return Math.min(firstRetryDelayMs, this.#limits.retryDelayMsMax)
  }

  async #attempt(kind: 'write' | 'merge', task: () => Promise<void>): Promise<void> {
    try {
      await task()
      this.#retryDelayMs = this.#firstRetryDelayMs()
    } catch (error) {
      const damaged =
        error instanceof KeyFileDamaged ? this.#runs.find((run) => run.file.path === error.path) : undefined
      if (damaged !== undefined) this.#setAside(damaged, messageOf(error))
      if (this.#closing !== undefined) {
        // One attempt at the end: whoever waits learns that the segment is not covered.
        if (kind === 'write') this.#waiting.shift()?.written.reject(error)
        return
      }
      backgroundTaskFailed(kind, messageOf(error), this.#retryDelayMs).emit(this.#telemetry)
      this.#retryTimer ??= setTimeout(() => {
        this.#retryTimer = undefined
        this.#work()
      }, this.#retryDelayMs)
      this.#retryDelayMs = Math.min(this.#retryDelayMs * 2, this.#limits.retryDelayMsMax)
    }
  }

  async #write(waiting: WaitingTable): Promise<void> {
    const { table, sealed, written } = waiting
    const file = await this.#thread.run({
      kind: 'write',
      path: join(this.#dir, keyFileName(sealed.segment, sealed.segment)),
      seed: this.#seed,
      buckets: table.buckets(),
      keyCount: table.keyCount,
      ...sealed,
    })
    if (file === undefined) return
    this.#setRuns([...this.#runs, new KeyRun(file)])
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
    this.#setOtherTables()
    table.release()
    this.#dropRestored(file)
    this.#dropAboveKeysMax()
    written.resolve(undefined)
    duplicateIndexSized({ ...this.stats(), keys: this.#keysInFiles }).emit(this.#telemetry)
  }

  #chooseInputs(): KeyRun[] | undefined {
    const candidates = this.#runs.map(({ file, missingSegments }) => ({
      keyCount: file.keyCount,
      oldestTimeMs: file.oldestTimeMs,
      newestTimeMs: file.newestTimeMs,
      isMergeable: missingSegments === undefined,
    }))
    const { filesMax, windowMs } = this.#limits
    const chosen = chooseMerge(candidates, { filesMax, spanMsMax: windowMs / filesPerWindow })
    return chosen === undefined ? undefined : this.#runs.slice(chosen.from, chosen.to + 1)
  }

  async #merge(inputs: readonly KeyRun[]): Promise<void> {
    const first = Math.min(...inputs.map((run) => run.firstSegment))
    const last = Math.max(...inputs.map((run) => run.lastSegment))
    const merged = await this.#thread.run({
      kind: 'merge',
      path: join(this.#dir, keyFileName(first, last)),
      inputs: inputs.map((run) => run.file.path),
    })
    if (merged === undefined) return
    this.#setRuns([...this.#runs, new KeyRun(merged)])
    this.#dropRestored(merged)
    this.#dropRuns(inputs.filter((run) => this.#runs.includes(run)))
  }

  /** Damaged files whose segments are all in other files now are no longer needed. */
  #dropRestored(file: LoadedKeyFile): void {
    for (const run of this.#runs)
      if (run.missingSegments !== undefined) for (const segment of file.segments) run.missingSegments.delete(segment)
    const restored = this.#runs.filter((run) => run.missingSegments?.size === 0)
    if (restored.length > 0) this.#dropRuns(restored)
  }

  #dropAboveKeysMax(): void {
    while (this.#keysInFiles > this.#limits.keysMax) {
      const oldest = this.#runs
        .filter((run) => !run.isMerging)
        .sort((left, right) => left.file.newestTimeMs - right.file.newestTimeMs)[0]
      if (oldest === undefined) return
      windowShortened(oldest.file.newestTimeMs, oldest.file.keyCount).emit(this.#telemetry)
      this.#dropRuns([oldest])
    }
  }

  #dropRuns(dropped: readonly KeyRun[]): void {
    this.#setRuns(this.#runs.filter((run) => !dropped.includes(run)))
    for (const run of dropped) {
      run.close()
      // What cannot be removed is found superseded, damaged or too old after the next open.
      for (const path of [run.file.path, damagedPath(run.file.path)]) rm(path, { force: true }).catch(() => undefined)
    }
  }

  #setAside(run: KeyRun, reason: string): void {
    if (run.missingSegments !== undefined || !this.#runs.includes(run)) return
    run.missingSegments = new Set(run.file.segments)
    keyFileDamaged(run.file.path, reason, run.missingSegments.size).emit(this.#telemetry)
    rename(run.file.path, damagedPath(run.file.path)).catch(() => undefined)
    const segments = [...run.missingSegments]
    // Not within the caller's question: the owner may begin to restore at once.
    queueMicrotask(() => this.#onDamaged(segments))
  }

  #setRuns(runs: KeyRun[]): void {
    this.#runs = runs.sort((left, right) => left.firstSegment - right.firstSegment)
    this.#filters = runs.map((run) => run.file.filter)
    this.#scales = Float64Array.from(this.#filters, filterScale)
    this.#keysInFiles = runs.reduce((sum, run) => sum + run.file.keyCount, 0)
  }

  #setOtherTables(): void {
    this.#otherTables = [...this.#waiting.map((waiting) => waiting.table), ...this.#restoring]
    this.#keysInOtherTables = this.#otherTables.reduce((sum, table) => sum + table.keyCount, 0)
  }

  async #close(): Promise<void> {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = undefined
    if (this.#isMerging) await this.#thread.run({ kind: 'stop' }).catch(() => undefined)
    while (this.#waiting.length > 0 && this.#hasPlaceForFile()) {
      const last = this.#waiting[this.#waiting.length - 1]
      this.#work()
      await last?.written.promise.catch(() => undefined)
    }
    for (const { written } of this.#waiting)
      written.reject(
        new Failure('SLUICE_DUPLICATE_INDEX_CLOSED', 'The duplicate index was closed.', { retryable: true }),
      )
    await this.#thread.end()
    for (const run of this.#runs) run.close()
  }
}

function damagedPath(path: string): string {
  return `${path}.damaged`
}
