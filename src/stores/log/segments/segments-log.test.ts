import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import type { Files } from '../../../kit/files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { describeEventLog } from '../event-log.contract.ts'
import { openJournalWriter } from './journal-writer.ts'
import { openSegmentsLog } from './segments-log.ts'
import { oneFolder } from './one-folder.fixtures.ts'

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
