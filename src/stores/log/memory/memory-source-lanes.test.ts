import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Failure } from '../../../kit/failure.ts'
import { aSourceRecord, describeSourceLanes } from '../source-lanes.contract.ts'
import type { SourceLanes } from '../source-lanes.ts'
import { createMemorySourceLanes } from './memory-source-lanes.ts'
import type { MemorySourceLanes } from './memory-source-lanes.ts'

const opened = new Map<SourceLanes, MemorySourceLanes>()

describeSourceLanes('memory', {
  open(options) {
    const made = createMemorySourceLanes({ partitionCount: 4, ...options })
    opened.set(made, made)
    return Promise.resolve(made)
  },
  read: (sourceLanes, lane, partition) => Promise.resolve(opened.get(sourceLanes)?.recordsOf(lane, partition) ?? []),
})

it('source lanes in memory fail when they are told to, with a part stored all the same', async () => {
  const sourceLanes = createMemorySourceLanes({ partitionCount: 1 })
  const records = [0, 1, 2].map((n) => aSourceRecord(n, { partition: 0 }))
  sourceLanes.failWith(new Failure('SLUICE_LOG_UNAVAILABLE', 'Away.', { retryable: true }), 2)
  await assert.rejects(sourceLanes.append(records))
  assert.equal(sourceLanes.recordsOf('events_plugin_ingestion', 0).length, 2)
  sourceLanes.failWith(undefined)
  await sourceLanes.append(records)
  assert.equal(sourceLanes.recordsOf('events_plugin_ingestion', 0).length, 5)
})
