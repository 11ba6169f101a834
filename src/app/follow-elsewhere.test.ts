import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { flows } from '../event/flows.ts'
import { silent } from '../kit/telemetry/telemetry.ts'
import { until } from '../kit/until.fixtures.ts'
import { createLiveFeed } from '../stages/live/live-feed.ts'
import type { LiveFeed } from '../stages/live/live-feed.ts'
import { aDerivedBatch, SinkInMemory } from '../stages/live/live.fixtures.ts'
import { createMemoryLog } from '../stores/log/memory/memory-log.ts'
import { followElsewhere } from './follow-elsewhere.ts'

const lane = flows.events.derived

function aFeed(): LiveFeed {
  const bounds = { readersMax: 10, deliveriesPerSecondMax: 4000, eventsPerSecondMax: 1000, queueBytesMax: 100_000 }
  const rings = { ringRowsMax: 100, ringBytesMax: 100_000, ringLingerMs: 1 }
  return createLiveFeed({ ...bounds, ...rings }, { telemetry: silent })
}

describe('the live feed of one core among several', () => {
  it('shows what others decide from when somebody follows, and what it decides itself is not read again', async () => {
    const log = createMemoryLog(2)
    const live = aFeed()
    const stop = new AbortController()
    const following = followElsewhere([0], { flow: flows.events, log, live, telemetry: silent }, stop.signal)
    const put = (partition: number, event: string): void => {
      log.put(lane, partition, { headers: {}, value: aDerivedBatch([{ event }]).value })
    }
    put(1, 'before anybody looked')
    const sink = new SinkInMemory()
    const subscription = live.subscribe({ projectId: 1, filter: {} }, sink)
    put(0, 'of this core')
    // Reading begins a moment later than the stream.
    await until('an event of the other core', () => {
      put(1, 'of the other core')
      return Promise.resolve(sink.of('event').length > 0)
    })
    assert.deepEqual(new Set(sink.of('event').map(({ data }) => data['event'])), new Set(['of the other core']))
    subscription?.close()
    await until('nobody following', () => !live.isFollowed())
    stop.abort()
    await following
  })

  it('reads nothing where one core has all partitions', async () => {
    const log = createMemoryLog(2)
    const { signal } = new AbortController()
    await followElsewhere([0, 1], { flow: flows.events, log, live: aFeed(), telemetry: silent }, signal)
  })
})
