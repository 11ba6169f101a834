import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HeatmapRow } from '../../stores/warehouse/warehouse-row.ts'
import { createDeriveHeatmap } from './derive-heatmap.ts'
import type { Derived } from './derive-batches.ts'
import { aNewRecord, aProject, aRecord, goodToken, nowMs, projectsInMemory } from './ingestion.fixtures.ts'

async function derived(event: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Derived> {
  const record = aRecord(3, { lane: 'heatmaps_ingestion', ...aNewRecord(event, headers) })
  const projects = projectsInMemory({ [goodToken]: aProject({ id: 7 }) })
  return (await createDeriveHeatmap({ projects })([record]))(record, 5)
}

async function rowOf(properties: unknown, own: Readonly<Record<string, unknown>> = {}): Promise<HeatmapRow> {
  const result = await derived({ event: '$pageleave', properties, ...own })
  if (result.kind !== 'row') assert.fail(result.reason)
  return JSON.parse(result.json) as HeatmapRow
}

describe('deriving a heatmap', () => {
  it('takes the listed properties of the event and no other', async () => {
    const listed = {
      $heatmap_data: { 'https://example.com/': [{ x: 1, y: 2, target_fixed: false, type: 'click' }] },
      $viewport_height: 720,
      $viewport_width: 1280,
      $session_id: 'session',
      $prev_pageview_pathname: '/',
      $prev_pageview_max_scroll: 300,
      $current_url: 'https://example.com/',
      $raw_user_agent: 'Mozilla/5.0',
      $ip: '192.0.2.7',
      $host: 'example.com',
      $timezone: 'Europe/Berlin',
      $cookieless_extra: 'x',
      $cookieless_mode: true,
    }
    const row = await rowOf({ email: 'ada@example.com', ...listed, $set: { plan: 'team' }, __proto__x: 1 })
    assert.deepEqual(JSON.parse(row.properties), listed)
    const { team_id, session_id, current_url, viewport_width, viewport_height, _partition, _offset } = row
    assert.deepEqual([team_id, session_id, current_url], [7, 'session', 'https://example.com/'])
    assert.deepEqual([viewport_width, viewport_height, _partition, _offset], [1280, 720, 5, 3])
  })

  it('is at the time of its event', async () => {
    assert.equal((await rowOf({}, { offset: 5000 })).timestamp, (nowMs - 5000) * 1000)
  })

  it('stands for what an event does not say, or says in another type, with an empty value', async () => {
    for (const properties of [
      {},
      null,
      { $viewport_width: '1280', $viewport_height: -1, $current_url: 5, $session_id: {} },
    ]) {
      const { session_id, current_url, viewport_width, viewport_height } = await rowOf(properties)
      assert.deepEqual([session_id, current_url, viewport_width, viewport_height], ['', '', 0, 0])
    }
    const { viewport_width, viewport_height } = await rowOf({ $viewport_width: 1280.5, $viewport_height: 1e300 })
    assert.deepEqual([viewport_width, viewport_height], [1280, 0])
  })

  it('sets aside what is nobody’s, or no event', async () => {
    assert.equal((await derived({}, { token: 'phc_nobody' })).kind, 'dead_letter')
    assert.equal((await derived('[')).kind, 'dead_letter')
  })
})
