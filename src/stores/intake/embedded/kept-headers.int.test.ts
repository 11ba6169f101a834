import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { eventMarks } from '../../../event/event-marks.ts'
import { markHeaders } from '../../log/segments/frame.ts'
import { openJournalWriter } from '../../log/segments/journal-writer.ts'
import { oneFolder } from '../../log/segments/one-folder.fixtures.ts'
import { openSegmentsLog } from '../../log/segments/segments-log.ts'
import type { IntakeEvent } from '../intake.ts'
import { openEmbeddedIntake } from './embedded-intake.ts'

type LogHeaders = Readonly<Record<string, string>>

const folder = '/journal'
const lane = 'events_plugin_ingestion'

it('every mark of an event and every header of its request is a header of its record', async () => {
  const headers = { session_id: 's "1"', lib: 'web', token: 'not this one' }
  const marks = Object.entries(eventMarks)
  const all = marks.reduce((bits, [, bit]) => bits | bit, 0)
  const records = await headersOf([0, ...marks.map(([, bit]) => bit), all], headers)
  const common = {
    ...{ session_id: 's "1"', lib: 'web', token: 'phc_a', ip: '203.0.113.9', now: '1000', sent_at: '900' },
    ...{ uuid: '00000001-0000-0002-0000-000300000004', distinct_id: 'ada' },
  }
  assert.deepEqual(records[0], common)
  const marked = (names: readonly string[]): LogHeaders => ({
    ...common,
    ...Object.fromEntries(names.map((name) => (name === 'capture_internal' ? ['ip', '127.0.0.1'] : [name, 'true']))),
  })
  for (const [at, [name]] of marks.entries()) assert.deepEqual(records[at + 1], marked([name]))
  assert.deepEqual(records.at(-1), marked(Object.keys(eventMarks)))
  assert.deepEqual(Object.fromEntries(markHeaders.map(([bit, name]) => [name, bit])), eventMarks)
})

/** Headers of the records of events with these marks, in their order. */
async function headersOf(marks: readonly number[], headers: Readonly<Record<string, string>>): Promise<LogHeaders[]> {
  const indexFolder = await mkdtemp(join(tmpdir(), 'sluice-headers-'))
  const files = createSimulatedFiles(() => 0.5)
  const writer = await openJournalWriter({
    role: 'edge',
    files,
    folder,
    partitionCount: 1,
    segmentBytesMax: 100_000,
    segmentEntriesMax: 1000,
    segmentAgeMsMax: 3_600_000,
    queueBytesMax: 1_000_000,
    reserveBytes: 0,
    telemetry: silent,
  })
  const intake = await openEmbeddedIntake({
    files,
    folder,
    indexFolder,
    writer,
    partitionCount: 1,
    duplicateWindowMs: 86_400_000,
    limitKeysMax: 10,
    telemetry: silent,
  })
  await intake.submit({
    body: Buffer.from('{}'),
    token: 'phc_a',
    ip: '203.0.113.9',
    nowMs: 1000,
    sentAtMs: 900,
    headers,
    isCanary: false,
    events: marks.map((bits): IntakeEvent => ({
      ...{ start: 0, end: 2, uuid: [1, 2, 3, 4], distinctId: 'ada', lane, partitionKey: 'phc_a:ada' },
      ...{ duplicateKey: undefined, marks: bits },
    })),
  })
  const log = openSegmentsLog({
    files,
    partitionCount: 1,
    folders: oneFolder(folder),
    writers: new Map([[folder, writer]]),
    pollMs: 5,
    telemetry: silent,
  })
  const stop = new AbortController()
  const found: LogHeaders[] = []
  for await (const batch of log.read([{ lane, from: [0] }], { signal: stop.signal, batchBytesMax: 100_000 })) {
    for (const record of batch) found.push(record.headers)
    if (found.length >= marks.length) stop.abort()
  }
  await intake.close()
  await rm(indexFolder, { recursive: true, force: true })
  return found
}
