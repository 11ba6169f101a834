/** The journal's crash rules over a simulated disk, by the thousand. A failing seed repeats: SLUICE_TEST_SEED=<seed>. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from '../../../kit/failure.ts'
import { seededRandom } from '../../../kit/seeded-random.ts'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import type { SimulatedFiles } from '../../../kit/simulated-files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import type { LogRecord } from '../event-log.ts'
import { openJournalWriter } from './journal-writer.ts'
import { openSegmentsLog } from './segments-log.ts'
import { oneFolder } from './one-folder.fixtures.ts'

const folder = '/journal'
const partitionCount = 3
const lane = 'clickhouse_events'
const sentinel = 'appended after the restart'
const seeds = process.env['SLUICE_TEST_SEED'] === undefined ? 2500 : 1
const firstSeed = Number(process.env['SLUICE_TEST_SEED'] ?? 1)

describe('a journal on a disk that fails', () => {
  it('keeps what it acknowledged, exactly once and in order, through power losses, crashes, failed syncs and full disks', async (t) => {
    const seen = {
      acknowledged: 0,
      powerLosses: 0,
      processLosses: 0,
      failedSyncs: 0,
      fullDisks: 0,
      refused: 0,
      unacknowledgedKept: 0,
    }
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      try {
        await live(seed, seen)
      } catch (error) {
        throw new Error(`seed ${String(seed)}`, { cause: error })
      }
    }
    t.diagnostic(`${String(seeds)} seeds from ${String(firstSeed)}: ${JSON.stringify(seen)}`)
    if (seeds > 1)
      for (const count of Object.values(seen)) assert.ok(count > 0, `not every fault happened: ${JSON.stringify(seen)}`)
  })

  it('cuts a torn tail at any byte and keeps every whole frame before it', async () => {
    const whole = await journalOf(['a', 'b', 'c'])
    const path = await newestSegment(whole.files)
    const end = whole.files.sizeOf(path)
    const ends = await frameEnds(['a', 'b', 'c'])
    for (let bytes = ends[0] ?? 0; bytes < end; bytes++) {
      const { files } = await journalOf(['a', 'b', 'c'])
      const file = await files.open(await newestSegment(files), 'write')
      await file.truncate(bytes)
      await file.sync()
      await file.close()
      // What was published as synced cannot be torn; a write that did not finish was never published.
      await files.remove(`${folder}/synced`)
      const kept = ends.slice(1).filter((frameEnd) => frameEnd <= bytes).length
      assert.deepEqual(await textsAfterRestart(files), ['a', 'b', 'c'].slice(0, kept), `cut at ${String(bytes)}`)
    }
  })

  it('leaves out only the frame that a flipped bit damaged, wherever the bit is, and reports it', async () => {
    const texts = ['a', 'b', 'c', 'd']
    const { files: probe } = await journalOf(texts)
    const size = probe.sizeOf(await newestSegment(probe))
    const ends = await frameEnds(texts)
    for (let at = 0; at < size; at++) {
      const { files } = await journalOf(texts)
      files.flipBit(await newestSegment(files), at)
      const damaged = ends.findIndex((end) => at < end)
      const kept = await textsAfterRestart(files)
      // Padding is no part of a frame's promise.
      const isPadding = kept.length === texts.length
      if (!isPadding)
        assert.deepEqual(
          kept,
          texts.filter((_, index) => index !== damaged - 1),
          `bit in byte ${String(at)}`,
        )
      else assert.ok(damaged === 0 || at >= (ends[damaged] ?? 0) - 8, `a flip in byte ${String(at)} went unnoticed`)
    }
  })

  it('never gives an offset again that it has published, also when damage hides who has it', async () => {
    const { files } = await journalOf(['a', 'b', 'c'])
    const path = await newestSegment(files)
    files.flipBit(path, files.sizeOf(path) - 9)
    const { owner } = await openOn(files)
    assert.equal((await owner.append(0, record('d'))).offset, 3)
    assert.equal((await owner.append(1, record('e'))).offset, 0)
    files.processLoss()
    assert.deepEqual(await textsAfterRestart(files), ['a', 'b', 'd', 'e'])
  })

  it('answers with a retryable failure while the disk is almost full, and goes on by itself when space returns', async () => {
    let nowMs = 1_000_000
    const files = createSimulatedFiles(() => 0.5)
    const { owner } = await openOn(files, { reserveBytes: 10_000, now: () => nowMs })
    await owner.append(0, record('before'))
    files.setFreeBytes(9_000)
    nowMs += 2_000
    await assert.rejects(owner.append(0, record('refused')), isRetryable('SLUICE_DISK_FULL'))
    await assert.rejects(owner.append(0, record('refused at once')), isRetryable('SLUICE_DISK_FULL'))
    files.setFreeBytes(1_000_000)
    nowMs += 2_000
    const position = await owner.append(0, record('after'))
    assert.equal(position.offset, 1)
    files.processLoss()
    assert.deepEqual(await textsAfterRestart(files), ['before', 'after'])
  })

  it('refuses more than the bytes that may wait, and takes again what comes later', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { owner } = await openOn(files, { queueBytesMax: 400 })
    const big = { headers: {}, value: Buffer.alloc(150) }
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => owner.append(0, big)))
    const refused = results.filter(({ status }) => status === 'rejected')
    assert.ok(refused.length > 0 && refused.length < 10)
    await owner.append(0, big)
  })

  it('refuses to open with another partition count', async () => {
    const { files } = await journalOf(['a'])
    files.processLoss()
    await assert.rejects(
      openJournalWriter({ ...writerOptions(files), partitionCount: 5 }),
      (error) => error instanceof Failure && error.code === 'SLUICE_PARTITION_COUNT_CHANGED',
    )
  })
})

/** One life story of a disk: random appends and faults, then everything is read back. */
async function live(seed: number, seen: Record<string, number>): Promise<void> {
  const random = seededRandom(seed)
  const files = createSimulatedFiles(random)
  const acknowledged = new Map<string, { partition: number; offset: number; order: number }>()
  const attempted = new Set<string>()
  let order = 0
  let name = 0
  const count = (what: string, by = 1): void => {
    seen[what] = (seen[what] ?? 0) + by
  }
  const lives = 2 + Math.floor(random() * 3)
  for (let life = 0; life < lives; life++) {
    files.setFreeBytes(Infinity)
    const { owner, writer } = await openOn(files, { segmentBytesMax: 400 + Math.floor(random() * 3000) })
    const rounds = 1 + Math.floor(random() * 12)
    let dies: 'power' | 'process' | undefined
    for (let round = 0; round < rounds && dies === undefined; round++) {
      const luck = random()
      if (luck < 0.1) {
        files.failNextSync()
        count('failedSyncs')
      } else if (luck < 0.2) {
        files.setFreeBytes(Math.floor(random() * 600))
        count('fullDisks')
      } else files.setFreeBytes(Infinity)
      const appends = Array.from({ length: 1 + Math.floor(random() * 6) }, async () => {
        const text = `${String(seed)}-${String(name++)}`
        attempted.add(text)
        try {
          const { partition, offset } = await owner.append(Math.floor(random() * partitionCount), record(text))
          acknowledged.set(text, { partition, offset, order: order++ })
          count('acknowledged')
        } catch (error) {
          if (error instanceof Failure) {
            assert.ok(error.retryable, error.message)
            count('refused')
          }
        }
      })
      if (random() < 0.25) {
        // Dies somewhere in the middle of the round.
        for (let wait = Math.floor(random() * 6); wait > 0; wait--)
          await new Promise((resolve) => setImmediate(resolve))
        dies = random() < 0.6 ? 'power' : 'process'
        if (dies === 'power') files.powerLoss()
        else files.processLoss()
        count(dies === 'power' ? 'powerLosses' : 'processLosses')
      }
      await Promise.all(appends)
    }
    if (dies === undefined) await writer.close()
  }
  files.setFreeBytes(Infinity)
  const kept = await recordsAfterRestart(files)
  const texts = kept.map(({ value }) => value.toString())
  assert.equal(new Set(texts).size, texts.length, 'a record is there twice')
  for (const text of texts) assert.ok(attempted.has(text), `${text} was invented`)
  const byPartition = Map.groupBy(kept, ({ position }) => position.partition)
  for (const [partition, records] of byPartition) {
    assert.deepEqual(
      records.map(({ position }) => position.offset),
      records.map((_, offset) => offset),
      `partition ${String(partition)} has a gap`,
    )
  }
  const found = new Map(kept.map(({ position, value }) => [value.toString(), position]))
  for (const [text, { partition, offset }] of acknowledged) {
    const position = found.get(text)
    assert.ok(position !== undefined, `${text} was acknowledged and is lost`)
    assert.deepEqual([position.partition, position.offset], [partition, offset], `${text} moved`)
  }
  count('unacknowledgedKept', texts.length - acknowledged.size)
}

interface Overrides {
  readonly segmentBytesMax?: number
  readonly queueBytesMax?: number
  readonly reserveBytes?: number
  readonly now?: () => number
}

function writerOptions(files: SimulatedFiles, overrides: Overrides = {}) {
  return {
    role: 'core',
    files,
    folder,
    partitionCount,
    segmentBytesMax: 100_000,
    segmentEntriesMax: 1_000_000,
    segmentAgeMsMax: 3_600_000,
    queueBytesMax: 1_000_000,
    reserveBytes: 0,
    telemetry: silent,
    ...overrides,
  }
}

async function openOn(files: SimulatedFiles, overrides: Overrides = {}) {
  // A start on a disk that fails just then ends; the supervisor starts the process again.
  const writer = await openJournalWriter(writerOptions(files, overrides)).catch(() =>
    openJournalWriter(writerOptions(files, overrides)),
  )
  const log = openSegmentsLog({
    files,
    partitionCount,
    folders: { ...oneFolder('/edge'), clickhouse_events: folder },
    writers: new Map([[folder, writer]]),
    pollMs: 5,
    telemetry: silent,
  })
  return { writer, log, owner: await log.own(lane) }
}

/** Everything that a restarted process can read, up to a record that it appends to each partition itself. */
async function recordsAfterRestart(files: SimulatedFiles): Promise<LogRecord[]> {
  const { log, writer, owner } = await openOn(files)
  for (let partition = 0; partition < partitionCount; partition++) await owner.append(partition, record(sentinel))
  const stop = new AbortController()
  const records: LogRecord[] = []
  const from = Array.from({ length: partitionCount }, () => 0)
  let sentinels = 0
  for await (const batch of log.read([{ lane, from }], { signal: stop.signal, batchBytesMax: 500 })) {
    for (const one of batch) {
      if (one.value.toString() === sentinel) sentinels++
      else records.push(one)
    }
    if (sentinels === partitionCount) stop.abort()
  }
  await writer.close()
  return records
}

async function textsAfterRestart(files: SimulatedFiles): Promise<string[]> {
  return (await recordsAfterRestart(files)).map(({ value }) => value.toString())
}

async function journalOf(texts: readonly string[]) {
  const files = createSimulatedFiles(() => 0.5)
  const { owner } = await openOn(files)
  for (const text of texts) await owner.append(0, record(text))
  files.processLoss()
  return { files }
}

/** Where the head frame and then each text's frame end in the only segment. */
async function frameEnds(texts: readonly string[]): Promise<number[]> {
  const files = createSimulatedFiles(() => 0.5)
  const { owner } = await openOn(files)
  const path = await newestSegment(files)
  const ends = [files.sizeOf(path)]
  for (const text of texts) {
    await owner.append(0, record(text))
    ends.push(files.sizeOf(path))
  }
  return ends
}

async function newestSegment(files: SimulatedFiles): Promise<string> {
  const name = (await files.list(folder)).filter((file) => file.endsWith('.seg')).at(-1)
  assert.ok(name !== undefined)
  return `${folder}/${name}`
}

function record(text: string) {
  return { headers: {}, value: Buffer.from(text) }
}

function isRetryable(code: string): (error: unknown) => boolean {
  return (error) => error instanceof Failure && error.code === code && error.retryable
}
