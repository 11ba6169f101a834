import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../kit/seeded-random.ts'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import type { Files } from '../../../kit/files.ts'
import { createReaderFiles, loadReaders, removeReaderFile, saveReaderFile } from './reader-files.ts'

const journal = '/journal'
const lane = 'clickhouse_events'

describe('the readers of a journal', () => {
  it('are those that were saved last, by name and lane', async () => {
    const files = createSimulatedFiles(() => 0.5)
    assert.deepEqual(await loadReaders(files, journal), [])
    await saveReaderFile(files, journal, 'warehouse', lane, { offsets: [1, 2] })
    await saveReaderFile(files, journal, 'warehouse', 'events_plugin_ingestion', { offsets: [3] })
    await saveReaderFile(files, journal, 'verify', lane, { offsets: [0, 0], expiresAtMs: 99 })
    await saveReaderFile(files, journal, 'warehouse', lane, { offsets: [5, 6] })
    const readers = await loadReaders(files, journal)
    assert.deepEqual(
      readers.toSorted((a, b) => `${a.reader}${a.lane}`.localeCompare(`${b.reader}${b.lane}`)),
      [
        { reader: 'verify', lane, offsets: [0, 0], expiresAtMs: 99 },
        { reader: 'warehouse', lane, offsets: [5, 6] },
        { reader: 'warehouse', lane: 'events_plugin_ingestion', offsets: [3] },
      ],
    )
  })

  it('are gone when they were removed, also twice', async () => {
    const files = createSimulatedFiles(() => 0.5)
    await saveReaderFile(files, journal, 'verify', lane, { offsets: [1] })
    await removeReaderFile(files, journal, 'verify', lane)
    await removeReaderFile(files, journal, 'verify', lane)
    assert.deepEqual(await loadReaders(files, journal), [])
  })

  it('cannot be told when one of them cannot be read: nothing may be removed on doubt', async () => {
    for (const text of ['', '{"reader":"ware', 'null']) {
      const files = createSimulatedFiles(() => 0.5)
      await saveReaderFile(files, journal, 'warehouse', lane, { offsets: [1] })
      await writeText(files, `${journal}/readers/other.${lane}.json`, text)
      await assert.rejects(loadReaders(files, journal), Error, text)
    }
  })

  it('are kept partition by partition, also when many are saved at once and when the file was damaged', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const readers = createReaderFiles(files)
    assert.equal(await readers.load(journal, 'warehouse', lane), undefined)
    await Promise.all(
      [5, 1, 3, 1].map((partition, at) => readers.merge(journal, 'warehouse', lane, new Map([[partition, 10 + at]]))),
    )
    await readers.merge(journal, 'other', lane, new Map([[0, 1]]))
    assert.deepEqual(await readers.load(journal, 'warehouse', lane), [0, 13, 0, 12, 0, 10])
    await writeText(files, `${journal}/readers/warehouse.${lane}.json.new`, '{"reader":"ware')
    await files.rename(`${journal}/readers/warehouse.${lane}.json.new`, `${journal}/readers/warehouse.${lane}.json`)
    await readers.merge(journal, 'warehouse', lane, new Map([[1, 20]]))
    assert.deepEqual(await readers.load(journal, 'warehouse', lane), [0, 20])
  })

  it('stand where they stood or where they were being put, through power losses', async () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = seededRandom(seed)
      const files = createSimulatedFiles(random)
      await saveReaderFile(files, journal, 'warehouse', lane, { offsets: [1, 1] })
      const saving = saveReaderFile(files, journal, 'warehouse', lane, { offsets: [20, 20] }).catch(() => undefined)
      for (let turns = Math.floor(random() * 5); turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve))
      files.powerLoss()
      await saving
      const [reader] = await loadReaders(files, journal)
      assert.ok(String(reader?.offsets) === '1,1' || String(reader?.offsets) === '20,20', `seed ${String(seed)}`)
      await saveReaderFile(files, journal, 'warehouse', lane, { offsets: [30] })
      assert.deepEqual((await loadReaders(files, journal))[0]?.offsets, [30], `seed ${String(seed)}`)
    }
  })
})

async function writeText(files: Files, path: string, text: string): Promise<void> {
  const file = await files.open(path, 'create')
  await file.write([Buffer.from(text)], 0)
  await file.close()
}
