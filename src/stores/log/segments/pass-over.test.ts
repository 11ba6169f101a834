/** A failing seed is printed with the title of its test. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Lane } from '../../../event/position.ts'
import type { Files } from '../../../kit/files.ts'
import { seededRandom } from '../../../kit/seeded-random.ts'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import type { SimulatedFiles } from '../../../kit/simulated-files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { openJournalWriter } from './journal-writer.ts'
import { oneFolder } from './one-folder.fixtures.ts'
import { listSegments } from './segment-files.ts'
import { openSegmentsLog } from './segments-log.ts'

const folder = '/edge'
const busy: Lane = 'events_plugin_ingestion'
const rare: Lane = 'heatmaps_ingestion'
const last = 'the last one'

async function opened(files: Files, segmentBytesMax: number, telemetry: Telemetry = silent) {
  const shared = { files, partitionCount: 2, telemetry }
  const writer = await openJournalWriter({
    ...shared,
    folder,
    role: 'edge',
    segmentBytesMax,
    segmentEntriesMax: 1_000_000,
    segmentAgeMsMax: 3_600_000,
    queueBytesMax: 10_000_000,
    reserveBytes: 0,
  })
  const log = openSegmentsLog({
    ...shared,
    folders: oneFolder(folder),
    writers: new Map([[folder, writer]]),
    pollMs: 2,
  })
  const owners = new Map<Lane, Awaited<ReturnType<typeof log.own>>>()
  for (const lane of [busy, rare]) owners.set(lane, await log.own(lane))
  const append = (lane: Lane, partition: number, text: string) =>
    owners.get(lane)?.append(partition, { headers: {}, value: Buffer.from(text) })
  return { log, append }
}

/** Up to the text that ends each test's journal. */
async function textsOf(log: Awaited<ReturnType<typeof opened>>['log'], lane: Lane, othersUnchecked: boolean) {
  const stop = new AbortController()
  const texts: string[] = []
  const options = { signal: stop.signal, batchBytesMax: 2000, othersUnchecked }
  for await (const records of log.read([{ lane, from: [] }], options)) {
    texts.push(...records.map(({ value }) => value.toString()))
    if (texts.at(-1) === last) stop.abort()
  }
  return texts
}

/** Counts what is read of segments. */
function counting(files: SimulatedFiles) {
  const seen = { bytes: 0 }
  const counted: Files = {
    ...files,
    async open(path, how) {
      const file = await files.open(path, how)
      if (!path.endsWith('.seg')) return file
      const read: typeof file.read = async (into, at) => {
        const bytes = await file.read(into, at)
        seen.bytes += bytes
        return bytes
      }
      return { ...file, read }
    },
  }
  return { seen, counted }
}

describe('a reader that passes over other lanes', () => {
  for (let seed = 1; seed <= 12; seed++) {
    it(`reads of its own what a reader that checks everything reads, whatever is damaged (seed ${String(seed)})`, async () => {
      const random = seededRandom(seed)
      const files = createSimulatedFiles(() => 0.5)
      const { append, log } = await opened(files, 3000)
      for (let n = 0; n < 120; n++) {
        const text = `${String(n)} ${'x'.repeat(Math.floor(random() * 400))}`
        await append(random() < 0.2 ? rare : busy, Math.floor(random() * 2), text)
      }
      await append(busy, 0, last)
      await append(rare, 0, last)
      const segments = await listSegments(files, folder)
      for (let n = 0; n < 4; n++) {
        const { file } = segments[Math.floor(random() * (segments.length - 1))] ?? { file: '' }
        const path = `${folder}/${file}`
        files.flipBit(path, Math.floor(random() * files.sizeOf(path)))
      }
      assert.deepEqual(await textsOf(log, rare, true), await textsOf(log, rare, false))
    })
  }

  it('leaves the report of damage to the one that checks everything', async () => {
    const files = createSimulatedFiles(() => 0.5)
    let damages = 0
    const telemetry = { ...silent, count: (name: string) => (damages += name === 'journal_damage_found_total' ? 1 : 0) }
    const { append, log } = await opened(files, 100_000, telemetry)
    await append(busy, 0, 'a')
    const [{ file } = { file: '' }] = await listSegments(files, folder)
    await append(rare, 0, 'b')
    files.flipBit(`${folder}/${file}`, files.sizeOf(`${folder}/${file}`) - 60)
    await append(busy, 0, last)
    await append(rare, 0, last)
    assert.deepEqual([await textsOf(log, rare, true), damages], [[last], 0])
    assert.deepEqual([await textsOf(log, busy, false), damages], [['a', last], 1])
  })

  it('reads nothing of segments in which its lanes did not advance, and no large bodies of others', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { counted, seen } = counting(files)
    const { append, log } = await opened(counted, 2_000_000)
    await append(rare, 0, 'first')
    for (let n = 0; n < 12; n++) await append(busy, 0, 'x'.repeat(1_000_000))
    await append(rare, 0, 'middle')
    for (let n = 0; n < 12; n++) await append(busy, 0, 'x'.repeat(1_000_000))
    await append(rare, 1, last)
    seen.bytes = 0
    assert.deepEqual(await textsOf(log, rare, true), ['first', 'middle', last])
    assert.ok(seen.bytes < 2_500_000, `${String(seen.bytes)} bytes were read`)
  })

  it('sees what comes after it had passed over what there was', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { append, log } = await opened(files, 1000)
    const reading = textsOf(log, rare, true)
    for (let n = 0; n < 30; n++) {
      await append(busy, 0, 'x'.repeat(100))
      if (n % 10 === 9) await append(rare, 0, String(n))
    }
    await append(rare, 1, last)
    assert.deepEqual(await reading, ['9', '19', '29', last])
  })
})
