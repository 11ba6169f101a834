import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import type { SimulatedFiles } from '../../../kit/simulated-files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { until } from '../../../kit/until.fixtures.ts'
import { publishedOf, readFrames, segmentHeads } from './journal-reader.ts'
import { openJournalWriter } from './journal-writer.ts'
import { listSegments } from './segment-files.ts'
import { openSegmentsLog } from './segments-log.ts'
import { oneFolder } from './one-folder.fixtures.ts'

const folder = '/core'
const lane = 'clickhouse_events'

async function opened(files: SimulatedFiles, segmentBytesMax: number) {
  const options = { files, folder, telemetry: silent, partitionCount: 1 }
  const writer = await openJournalWriter({
    ...options,
    role: 'core',
    segmentBytesMax,
    segmentEntriesMax: 1_000_000,
    segmentAgeMsMax: 3_600_000,
    queueBytesMax: 1_000_000,
    reserveBytes: 0,
  })
  const log = openSegmentsLog({
    ...options,
    folders: { ...oneFolder('/edge'), clickhouse_events: folder },
    writers: new Map([[folder, writer]]),
    pollMs: 5,
  })
  const owner = await log.own(lane)
  const append = (text: string) => owner.append(0, { headers: {}, value: Buffer.from(text) })
  return { writer, append }
}

/** Reads on in the background; without a signal as far as the journal goes. */
function following(
  files: SimulatedFiles,
  own: { readonly signal?: AbortSignal; readonly telemetry?: Telemetry; readonly pollMs?: number } = {},
) {
  const texts: string[] = []
  const options = { files, folder, telemetry: own.telemetry ?? silent, pollMs: own.pollMs ?? 2 }
  const ended = (async () => {
    for await (const { frames } of readFrames(options, 0, 200, { signal: own.signal })) {
      for (const frame of frames) texts.push(frame.value(0).toString())
    }
  })()
  return { texts, ended }
}

describe('a reader of a journal', () => {
  it('ends at the synced end when nobody told it to wait', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { append } = await opened(files, 1)
    for (const text of ['a', 'b', 'c']) await append(text)
    assert.equal((await listSegments(files, folder)).length, 3)
    const { texts, ended } = following(files)
    await ended
    assert.deepEqual(texts, ['a', 'b', 'c'])
  })

  it('waits for a journal that is not there yet, then follows it across segments and restarts until it is stopped', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const stop = new AbortController()
    const { texts, ended } = following(files, { signal: stop.signal })
    const written: string[] = []
    for (let life = 0; life < 3; life++) {
      const { append, writer } = await opened(files, 500)
      for (let n = 0; n < 20; n++) {
        const text = `${String(life)}-${String(n)}`
        await append(text)
        written.push(text)
      }
      await writer.close()
    }
    await until('everything was read', () => texts.length === written.length)
    assert.deepEqual(texts, written)
    assert.ok((await listSegments(files, folder)).length > 6)
    stop.abort()
    await ended
  })

  it('is woken by the file system long before it would look by itself', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { append } = await opened(files, 100_000)
    await append('first')
    const stop = new AbortController()
    const { texts, ended } = following(files, { signal: stop.signal, pollMs: 3_600_000 })
    await until('the first was read', () => texts.length === 1)
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    await append('second')
    await until('the second was read', () => texts.length === 2)
    stop.abort()
    await ended
  })

  it('leaves out what is damaged, says so, and reads everything behind it, in later segments too', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { append } = await opened(files, 100_000)
    const [first] = await listSegments(files, folder)
    assert.ok(first !== undefined)
    const path = `${folder}/${first.file}`
    await append('a')
    const end = files.sizeOf(path)
    await append('b')
    await append('c')
    files.flipBit(path, end + 20)
    files.processLoss()
    const later = await opened(files, 100_000)
    await later.append('d')
    let damages = 0
    const telemetry: Telemetry = {
      ...silent,
      count(name) {
        if (name === 'journal_damage_found_total') damages++
      },
    }
    const { texts, ended } = following(files, { telemetry })
    await ended
    assert.deepEqual([texts, damages], [['a', 'c', 'd'], 1])
  })

  it('goes on when the head of a segment in the middle is damaged', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { append } = await opened(files, 1)
    for (const text of ['a', 'b', 'c', 'd']) await append(text)
    const second = (await listSegments(files, folder))[1]
    assert.ok(second !== undefined)
    files.flipBit(`${folder}/${second.file}`, 40)
    assert.equal((await segmentHeads(files, folder)).length, 3)
    const { texts, ended } = following(files)
    await ended
    assert.deepEqual(texts, ['a', 'b', 'c', 'd'])
  })

  it('never reads beyond what the writer said is synced', async () => {
    const files = createSimulatedFiles(() => 0.5)
    const { append } = await opened(files, 100_000)
    await append('safe')
    files.failNextSync()
    await assert.rejects(append('lost'))
    await append('after')
    const { texts, ended } = following(files)
    await ended
    assert.deepEqual(texts, ['safe', 'after'])
  })

  it('knows nothing of a journal that nobody wrote', async () => {
    const files = createSimulatedFiles(() => 0.5)
    assert.equal(await publishedOf(files, folder), undefined)
    const { texts, ended } = following(files)
    await ended
    assert.deepEqual(texts, [])
  })
})
