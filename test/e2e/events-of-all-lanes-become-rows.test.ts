/** Every lane that holds events ends in the table of events, in the place that its source index says, whatever dies between. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import type { JourneyAnswer } from '../../src/app/http/routes/journey.ts'
import { flows, sourceIndex } from '../../src/event/flows.ts'
import type { Lane } from '../../src/event/position.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'

const partitionCount = 16
/** What the door puts where. */
const names: Readonly<Record<string, Lane>> = {
  ordinary: 'events_plugin_ingestion',
  $exception: 'exceptions',
  $$client_ingestion_warning: 'client_warnings',
  $ai_generation: 'events_plugin_ingestion_ai',
}

interface Sent {
  readonly event: string
  readonly timestamp?: string
}

interface Receipt {
  readonly verdict: string
}

describe('events of all lanes', () => {
  it('become rows, also over the death of the core, and are proven and explained', async (test) => {
    const sluice = await aRunningSluice(test, { SLUICE_INGESTION_RENEW_AFTER_MS: '1000' })
    const laneOf = new Map<string, Lane>()
    const put = async (events: readonly Sent[], lane: (name: string) => Lane, more: object = {}): Promise<void> => {
      const batch = events.map((event) => ({ distinct_id: randomUUID(), uuid: randomUUID(), ...event }))
      const { status, text } = await sluice.send('/batch/?receipts=1', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ api_key: sluice.token, batch, ...more }),
      })
      assert.equal(status, 200, text)
      const answered = (JSON.parse(text) as { readonly receipts: readonly Receipt[] }).receipts
      for (const [at, event] of batch.entries()) {
        assert.equal(answered[at]?.verdict, 'stored', text)
        laneOf.set(event.uuid, lane(event.event))
      }
    }
    for (let round = 0; round < 6; round++) {
      const each = Object.keys(names).flatMap((event) => Array.from({ length: 5 }, () => ({ event })))
      await put(each, (name) => names[name] ?? 'events_plugin_ingestion')
      const old = Array.from({ length: 20 }, () => ({ event: 'old', timestamp: '2020-01-01T00:00:00Z' }))
      await put(old, () => 'historical_events', { historical_migration: true })
      if (round === 2) await sluice.kill('core')
    }
    await sluice.ready()
    await sluice.settled()

    const { rows } = await sluice.ask('SELECT event, count() FROM events GROUP BY event ORDER BY event')
    assert.deepEqual(
      rows.map(([event, count]) => [event, Number(count)]),
      [
        ['$$client_ingestion_warning', 30],
        ['$ai_generation', 30],
        ['$exception', 30],
        ['old', 120],
        ['ordinary', 30],
      ],
    )
    await assertVerified(sluice, laneOf.size)
    for (const lane of new Set(laneOf.values())) {
      const uuid = [...laneOf].find(([, one]) => one === lane)?.[0] ?? ''
      const { out } = await sluice.run(['explain', uuid, '--json'])
      const journey = JSON.parse(out) as JourneyAnswer
      assert.equal(journey.fate, 'in_table', journey.summary)
      const [door, ingestion] = journey.occurrences[0]?.steps ?? []
      assert.equal(door?.lane, lane)
      const index = sourceIndex(flows.events, lane, door.position?.partition ?? -1, partitionCount)
      assert.equal(ingestion?.position?.partition, index)
    }
    const { books } = await sluice.status()
    assert.deepEqual(books['imbalances'], [])
  })
})
