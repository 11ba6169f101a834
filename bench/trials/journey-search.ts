/**
 * How long does it take to find an event by its uuid in a journal of `GIB` gibibytes?
 *
 * `node bench/trials/journey-search.ts [GIB] [events a request]`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { uuidV7, parseUuid } from '../../src/event/uuid.ts'
import { nodeFiles } from '../../src/kit/node-files.ts'
import { silent } from '../../src/kit/telemetry/telemetry.ts'
import {
  draftFrame,
  entryBytes,
  frameKinds,
  writeEntry,
  writeEntryTexts,
  writeEntryUuid,
} from '../../src/stores/log/segments/frame.ts'
import { openJournalWriter } from '../../src/stores/log/segments/journal-writer.ts'
import { openSegmentsSearch } from '../../src/stores/log/segments/segments-search.ts'
import { oneFolder } from '../../src/stores/log/segments/one-folder.fixtures.ts'

const gib = Number(process.argv[2] ?? 2)
const eventsPerRequest = Number(process.argv[3] ?? 1)
const eventBytes = 900
const folder = await mkdtemp(join(tmpdir(), 'sluice-journey-search-'))
const writer = await openJournalWriter({
  role: 'edge',
  files: nodeFiles,
  folder,
  partitionCount: 16,
  segmentBytesMax: 256 * 1024 ** 2,
  segmentEntriesMax: 1_000_000,
  segmentAgeMsMax: 3_600_000,
  queueBytesMax: 512 * 1024 ** 2,
  reserveBytes: 0,
  telemetry: silent,
})

const uuids: string[] = []
const body = Buffer.alloc(eventBytes * eventsPerRequest, 'x')
const bytesWanted = gib * 1024 ** 3
let events = 0
for (let written = 0; written < bytesWanted;) {
  const group: Promise<void>[] = []
  for (let n = 0; n < 2000 / eventsPerRequest; n++) {
    const headers = '{"token":"phc_trial","ip":"192.0.2.1","now":"1"}'
    const draft = draftFrame({
      kind: frameKinds.records,
      entryCount: eventsPerRequest,
      headers,
      textsBytes: 36 * eventsPerRequest,
      body,
    })
    let textAt = 0
    for (let entry = 0; entry < eventsPerRequest; entry++) {
      const at = draft.entriesAt + entry * entryBytes
      const partition = events % 16
      const offset = writer.takeOffset('events_plugin_ingestion', partition)
      writeEntry(draft.head, at, {
        lane: 0,
        verdict: 0,
        flags: 0,
        partition,
        offset,
        start: entry * eventBytes,
        end: (entry + 1) * eventBytes,
      })
      const uuid = uuidV7(Date.now())
      writeEntryUuid(draft.head, at, parseUuid(uuid) ?? [0, 0, 0, 0])
      textAt = writeEntryTexts(draft, at, textAt, 'user-0123456789', '')
      if (events % 100_000 === 0) uuids.push(uuid)
      events++
    }
    written += draft.head.length + draft.body.length
    group.push(writer.append(draft))
  }
  await Promise.all(group)
}
console.log(`${String(events)} events, ${String(eventsPerRequest)} a request, ${String(gib)} GiB`)

const search = openSegmentsSearch({
  files: nodeFiles,
  partitionCount: 16,
  folders: oneFolder(folder),
  searchBytesMax: 64 * 1024 ** 3,
  searchTimeMsMax: 600_000,
  searchesWaitingMax: 1,
})
const { signal } = new AbortController()
for (const uuid of [...uuids.slice(0, 2), uuidV7(Date.now()), '00000000-0000-4000-8000-000000000001']) {
  const startedMs = performance.now()
  const { items, searched } = await search.entriesOf(uuid, signal)
  console.log(
    `${uuid}: ${String(items.length)} found in ${(performance.now() - startedMs).toFixed(0)} ms, complete: ${String(searched.complete)}`,
  )
}
await search.close()
await writer.close()
await rm(folder, { recursive: true })
