import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { nodeFiles } from '../../../kit/node-files.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { openJournalWriter } from '../../log/segments/journal-writer.ts'
import { describeIntake } from '../intake.contract.ts'
import type { WantedIntake } from '../intake.contract.ts'
import { openEmbeddedIntake } from './embedded-intake.ts'

const roots: string[] = []
after(async () => {
  for (const root of roots) await rm(root, { recursive: true, force: true })
})

describeIntake('the embedded intake', (wanted) => opened({ ...wanted, segmentBytesMax: 1_000_000 }))
// Every few requests a new segment: keys move into files and are found there.
describeIntake('the embedded intake with small segments', (wanted) => opened({ ...wanted, segmentBytesMax: 1000 }))

async function opened({ segmentBytesMax, limitKeysMax, now }: WantedIntake & { readonly segmentBytesMax: number }) {
  const root = await mkdtemp(join(tmpdir(), 'sluice-intake-'))
  roots.push(root)
  const open = async () => {
    const folder = join(root, 'journal')
    const writer = await openJournalWriter({
      role: 'edge',
      files: nodeFiles,
      folder,
      partitionCount: 4,
      segmentBytesMax,
      segmentEntriesMax: 1_000_000,
      segmentAgeMsMax: 3_600_000,
      queueBytesMax: 64 * 1024 * 1024,
      reserveBytes: 0,
      telemetry: silent,
      now,
    })
    return await openEmbeddedIntake({
      files: nodeFiles,
      folder,
      indexFolder: join(root, 'duplicates'),
      writer,
      partitionCount: 4,
      duplicateWindowMs: 86_400_000,
      limitKeysMax,
      now,
      telemetry: silent,
    })
  }
  const intake = await open()
  return {
    intake,
    close: () => intake.close(),
    reopen: async () => {
      const again = await open()
      return { intake: again, close: () => again.close() }
    },
  }
}
