import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { openJournalWriter } from './journal-writer.ts'
import { saveReaderFile } from './reader-files.ts'
import { listSegments } from './segment-files.ts'
import { openSegmentsLog } from './segments-log.ts'
import { trimJournal } from './trim-journal.ts'
import { oneFolder } from './one-folder.fixtures.ts'

const folder = '/core'
const lane = 'clickhouse_events'
const retentionMs = 10_000

/** Five segments with one record each, one a second from second 0 on; the sixth is being written and empty but for its own. */
async function aJournal() {
  const files = createSimulatedFiles(() => 0.5)
  let nowMs = 0
  const writer = await openJournalWriter({
    role: 'core',
    files,
    folder,
    partitionCount: 2,
    segmentBytesMax: 1,
    segmentEntriesMax: 1_000_000,
    segmentAgeMsMax: 3_600_000,
    queueBytesMax: 1_000_000,
    reserveBytes: 0,
    telemetry: silent,
    now: () => nowMs,
  })
  const log = openSegmentsLog({
    files,
    partitionCount: 2,
    folders: { ...oneFolder('/edge'), clickhouse_events: folder },
    writers: new Map([[folder, writer]]),
    pollMs: 5,
    telemetry: silent,
  })
  const owner = await log.own(lane)
  for (let n = 0; n < 6; n++) {
    nowMs = n * 1000
    await owner.append(n % 2, { headers: {}, value: Buffer.from(`v${String(n)}`) })
  }
  const sequences = async () => (await listSegments(files, folder)).map(({ sequence }) => sequence)
  const all = await sequences()
  assert.equal(all.length, 6)
  const trim = (atMs: number, readers: readonly string[] = ['warehouse']) =>
    trimJournal({
      files,
      folder,
      retentionMs,
      readers: readers.map((reader) => ({ reader, lane })),
      telemetry: silent,
      nowMs: atMs,
    })
  const save = (reader: string, offsets: readonly number[], expiresAtMs?: number) =>
    saveReaderFile(files, folder, reader, lane, { offsets, ...(expiresAtMs === undefined ? {} : { expiresAtMs }) })
  return { files, log, all, sequences, trim, save }
}

const everything = [100, 100]
const muchLaterMs = 1_000_000

describe('trimming a journal', () => {
  it('removes what every reader has read and retention no longer wants, never the newest segment', async () => {
    const { trim, save, all, sequences } = await aJournal()
    await save('warehouse', everything)
    assert.deepEqual(await trim(muchLaterMs), all.slice(0, 5))
    assert.deepEqual(await sequences(), all.slice(5))
    assert.deepEqual(await trim(muchLaterMs), [])
  })

  it('removes nothing inside of retention', async () => {
    const { trim, save, all } = await aJournal()
    await save('warehouse', everything)
    assert.deepEqual(await trim(retentionMs - 1), [])
    // The third segment ends with the record of second 2.
    assert.deepEqual(await trim(retentionMs + 2000), all.slice(0, 3))
  })

  it('never goes past a reader, in any partition', async () => {
    const { trim, save, all } = await aJournal()
    // Records by partition: 0 has segments 1, 3, 5; 1 has 2, 4, 6.
    await save('warehouse', [3, 1])
    assert.deepEqual(await trim(muchLaterMs), all.slice(0, 3))
    await save('warehouse', [3, 2])
    await save('slow', [2, 2])
    assert.deepEqual(await trim(muchLaterMs), all.slice(3, 4))
  })

  it('never goes past a live pin, and past one that expired', async () => {
    const { trim, save, all } = await aJournal()
    await save('warehouse', everything)
    await save('verify', [0, 0], muchLaterMs)
    assert.deepEqual(await trim(muchLaterMs), [])
    assert.deepEqual(await trim(muchLaterMs + 1), all.slice(0, 5))
  })

  it('never goes past a reader of another lane of the journal', async () => {
    const { files, trim, save, all } = await aJournal()
    const other = 'clickhouse_heatmap_events'
    await save('warehouse', everything)
    // It has not read what came into its lane with segment 6.
    await saveReaderFile(files, folder, 'warehouse', other, { offsets: [0, 0] })
    assert.deepEqual(await trim(muchLaterMs), all.slice(0, 5))
    assert.deepEqual(await trim(muchLaterMs), [])
  })

  it('removes nothing before each reader has said where it stands', async () => {
    const { trim, save } = await aJournal()
    await save('warehouse', everything)
    assert.deepEqual(await trim(muchLaterMs, ['warehouse', 'ingestion']), [])
  })

  it('stops when the file of a reader cannot be read', async () => {
    const { files, trim, save, sequences, all } = await aJournal()
    await save('warehouse', everything)
    const file = await files.open(`${folder}/readers/other.${lane}.json`, 'create')
    await file.write([Buffer.from('{"reader":')], 0)
    await assert.rejects(trim(muchLaterMs), SyntaxError)
    assert.deepEqual(await sequences(), all)
  })

  it('leaves a journal whose rest can be read, and says when more is wanted', async () => {
    const { log, trim, save } = await aJournal()
    await save('warehouse', [2, 1])
    await trim(muchLaterMs)
    const bounds = await log.bounds(lane)
    assert.deepEqual(bounds.slice(0, 2), [
      { begin: 2, end: 3 },
      { begin: 1, end: 3 },
    ])
    assert.ok(bounds.slice(2).every(({ end }) => end === 0))
    const stop = new AbortController()
    const texts: string[] = []
    for await (const records of log.read([{ lane, from: [2, 1] }], { signal: stop.signal, batchBytesMax: 1000 })) {
      texts.push(...records.map(({ value }) => value.toString()))
      if (texts.length === 3) stop.abort()
    }
    assert.deepEqual(texts, ['v3', 'v4', 'v5'])
    const gone = log.read([{ lane, from: [0, 0] }], { signal: new AbortController().signal, batchBytesMax: 1000 })
    await assert.rejects(gone[Symbol.asyncIterator]().next(), { code: 'SLUICE_LOG_TRIMMED' })
  })
})
