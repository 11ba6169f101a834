import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import type { Files } from '../../../kit/files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { describeEventLog } from '../event-log.contract.ts'
import { openJournalWriter } from './journal-writer.ts'
import { openSegmentsLog } from './segments-log.ts'
import { oneFolder } from './one-folder.fixtures.ts'
import { listSegments, readSegmentHead, writeSegmentHead } from './segment-files.ts'

const partitionCount = 4

describeEventLog('the segments log over a simulated disk', async () => {
  const files = createSimulatedFiles(() => 0.5)
  return { ...(await openLog(files)), reopen: () => openLog(files) }
})

async function openLog(files: Files) {
  const writer = await openJournalWriter({
    role: 'core',
    files,
    folder: '/core',
    partitionCount,
    // Small, so that every suite crosses segments.
    segmentBytesMax: 700,
    segmentEntriesMax: 1_000_000,
    segmentAgeMsMax: 3_600_000,
    queueBytesMax: 1_000_000,
    reserveBytes: 0,
    telemetry: silent,
  })
  const log = openSegmentsLog({
    files,
    partitionCount,
    folders: oneFolder('/core'),
    writers: new Map([['/core', writer]]),
    pollMs: 5,
    telemetry: silent,
  })
  return { log, close: () => writer.close() }
}

describe('a segments log', () => {
  it('tells a new owner the batch that was on its way when it came', async () => {
    const { log, close } = await openLog(createSimulatedFiles(() => 0.5))
    const older = await log.own('clickhouse_events', [1])
    const late = older.append(1, { headers: {}, value: Buffer.from('late') })
    await Promise.resolve()
    const newer = await log.own('clickhouse_events', [1, 2])
    assert.equal((await newer.last(1))?.value.toString(), 'late')
    await late
    await close()
  })

  it('ends a reading that has an end behind records that damage took', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { log, close } = await openLog(files)
    const owner = await log.own('clickhouse_events')
    for (let n = 0; n < 3; n++) await owner.append(1, { headers: {}, value: Buffer.from(`value ${String(n)}`) })
    for (const name of await listSegments(files, '/core')) {
      const file = await files.open(`/core/${name.file}`, 'write')
      const bytes = Buffer.alloc(await file.sizeBytes())
      await file.read(bytes, 0)
      const at = bytes.indexOf('value 2')
      if (at >= 0) await file.write([Buffer.from('VALUE')], at)
      await file.close()
    }
    const texts: string[] = []
    const wanted = [{ lane: 'clickhouse_events', from: [], to: [0, 3] }] as const
    const signal = AbortSignal.timeout(10_000)
    for await (const records of log.read(wanted, { signal, batchBytesMax: 1000 }))
      texts.push(...records.map(({ value }) => value.toString()))
    assert.deepEqual(texts, ['value 0', 'value 1'])
    assert.ok(!signal.aborted)
    await close()
  })

  it('knows from the heads of segments where a time lies', async () => {
    const { log, close } = await openLog(createSimulatedFiles(() => 0.5))
    const owner = await log.own('clickhouse_events')
    const value = Buffer.alloc(400)
    for (let n = 0; n < 10; n++) await owner.append(1, { headers: {}, value })
    assert.equal((await log.offsetsAt('clickhouse_events', 0))[1], 0)
    assert.equal((await log.offsetsAt('clickhouse_events', Date.now() + 60_000))[1], 10)
    assert.equal((await log.offsetsAt('clickhouse_events', Date.now() + 60_000))[2], 0)
    await close()
  })

  it('still knows after a restart which batches were the newest, but not what was said of them', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const first = await openLog(files)
    const owner = await first.log.own('clickhouse_events', [1, 2])
    await owner.remember(
      new Map([
        [1, { offset: 7, about: 'one' }],
        [2, { offset: 8, about: 'two' }],
      ]),
    )
    await first.close()
    const { log, close } = await openLog(files)
    await (await log.own('clickhouse_events', [2])).remember(new Map([[2, { offset: 9, about: 'newer' }]]))
    assert.deepEqual(
      await log.remembered('clickhouse_events'),
      new Map([
        [1, { offset: 7, about: '' }],
        [2, { offset: 9, about: 'newer' }],
      ]),
    )
    assert.deepEqual((await log.readerOffsets('ingestion', 'clickhouse_events'))?.slice(0, 4), [0, 7, 9, 0])
    await close()
  })
})

describe('a segments log over what an earlier release wrote', () => {
  it('goes on where its three lanes ended, and has the lanes that came later from their beginning', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const first = await openLog(files)
    const derived = await first.log.own('clickhouse_events')
    for (let n = 0; n < 5; n++) await derived.append(1, { headers: {}, value: Buffer.from(`v${String(n)}`) })
    await first.close()
    await asEarlier(files)

    const { log, close } = await openLog(files)
    const owner = await log.own('clickhouse_events')
    assert.equal((await owner.last(1))?.value.toString(), 'v4')
    assert.equal(await owner.last(6 * partitionCount - 1), undefined)
    assert.deepEqual((await owner.append(1, { headers: {}, value: Buffer.from('v5') })).offset, 5)
    const historical = await log.own('historical_events')
    assert.equal((await historical.append(3, { headers: {}, value: Buffer.from('h0') })).offset, 0)
    assert.deepEqual((await log.bounds('historical_events'))[3], { begin: 0, end: 1 })
    const stop = new AbortController()
    const texts: string[] = []
    const wanted = [
      { lane: 'clickhouse_events', from: [0, 3] },
      { lane: 'historical_events', from: [] },
    ] as const
    for await (const records of log.read(wanted, { signal: stop.signal, batchBytesMax: 1000 })) {
      texts.push(...records.map(({ value }) => value.toString()))
      if (texts.length >= 4) stop.abort()
    }
    assert.deepEqual(texts, ['v3', 'v4', 'v5', 'h0'])
    await close()
  })
})

/** Heads with three lanes of as many partitions, and no published state (which `segment-files.test.ts` reads). */
async function asEarlier(files: Files): Promise<void> {
  for (const name of await listSegments(files, '/core')) {
    const path = `/core/${name.file}`
    const file = await files.open(path, 'write')
    const found = await readSegmentHead(file, name.salt)
    assert.ok(found !== undefined)
    const bytes = Buffer.alloc(await file.sizeBytes())
    await file.read(bytes, 0)
    const { state } = found.head
    const next = state.next.slice(0, 3).map((offsets) => offsets.slice(0, partitionCount))
    const head: Uint8Array[] = []
    writeSegmentHead({ ...found.head, state: { ...state, next } }, [], name.salt, head)
    await file.truncate(0)
    await file.write([...head, bytes.subarray(found.bytes)], 0)
    await file.sync()
    await file.close()
  }
  await files.remove('/core/synced')
}
