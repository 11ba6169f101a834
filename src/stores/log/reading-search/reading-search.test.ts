import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Lane } from '../../../event/position.ts'
import { describeLogSearch } from '../log-search.contract.ts'
import { createMemoryLog } from '../memory/memory-log.ts'
import { openReadingSearch } from './reading-search.ts'

const { signal } = new AbortController()
const bounds = { canaryToken: 'phc_canary', searchBytesMax: 1e9, searchTimeMsMax: 60_000, searchesWaitingMax: 2 }

describeLogSearch('the reading search', () => {
  const log = createMemoryLog(2)
  let timeMs = 0
  return Promise.resolve({
    partitionCount: 2,
    accept({ uuid, token, reason }) {
      const lane: Lane = reason === undefined ? 'events_plugin_ingestion' : 'events_plugin_ingestion_dlq'
      const headers = { token, uuid, distinct_id: 'ada', ...(reason === undefined ? {} : { reason }) }
      log.put(lane, 0, { headers, value: Buffer.from('{}') }, ++timeMs)
      return Promise.resolve()
    },
    decide: async (partition, value) => (await log.own('clickhouse_events')).append(partition, { headers: {}, value }),
    search: (own) => openReadingSearch({ log, ...bounds, ...own }),
    close: () => log.close(),
  })
})

describe('a search that reads', () => {
  it('tells canaries and marks, and shows the beginning of the text', async () => {
    const log = createMemoryLog(2)
    const headers = { token: 'phc_canary', uuid: 'one', historical_migration: 'true' }
    log.put('historical_events', 0, { headers, value: Buffer.from('x'.repeat(5000)) }, 5)
    const { items, searched } = await openReadingSearch({ log, ...bounds }).entriesOf('one', signal)
    assert.deepEqual(
      items.map(({ isCanary, marks, raw, timeMs }) => [isCanary, marks, raw?.length, timeMs]),
      [[true, ['historical_migration'], 4096, 5]],
    )
    assert.deepEqual(searched, { fromMs: 5, throughMs: 5, complete: true })
  })

  it('says that it was cut short when it may read no more', async () => {
    const log = createMemoryLog(2)
    for (let n = 0; n < 5; n++) log.put('exceptions', 0, { headers: { uuid: 'u' }, value: Buffer.alloc(20) })
    const short = openReadingSearch({ log, ...bounds, searchBytesMax: 10 })
    assert.equal((await short.entriesOf('nobody', signal)).searched.complete, false)
  })
})
