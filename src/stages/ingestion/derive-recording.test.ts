import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordingRow } from '../../stores/warehouse/warehouse-row.ts'
import { createDeriveRecording } from './derive-recording.ts'
import type { Derived } from './derive-batches.ts'
import { aNewRecord, aProject, aRecord, goodToken, nowMs, projectsInMemory } from './ingestion.fixtures.ts'

const door = { session_id: 'session', window_id: 'window', snapshot_source: 'mobile', lib: 'posthog-ios' }

async function derived(body: string, headers: Readonly<Record<string, string>> = {}): Promise<Derived> {
  const lane = 'session_recording_snapshot_item_events'
  const record = aRecord(3, { lane, ...aNewRecord(body, { ...door, ...headers }) })
  const projects = projectsInMemory({ [goodToken]: aProject({ id: 7, eventRetentionDays: 30 }) })
  return (await createDeriveRecording({ projects })([record]))(record, 5)
}

async function rowOf(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<RecordingRow> {
  const result = await derived(typeof body === 'string' ? body : JSON.stringify(body), headers)
  if (result.kind !== 'row') assert.fail(result.reason)
  return JSON.parse(result.json) as RecordingRow
}

function snapshot(data: unknown, own: Readonly<Record<string, unknown>> = {}) {
  return { event: '$snapshot', properties: { $session_id: 'session', $snapshot_data: data }, ...own }
}

describe('deriving a recording', () => {
  it('makes one row of a request, with the snapshots of all its events in their order', async () => {
    const row = await rowOf([snapshot([{ n: 1 }, { n: 2 }]), snapshot({ n: 3 }), snapshot([]), snapshot([{ n: 4 }])])
    assert.deepEqual(JSON.parse(row.snapshot_data), [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }])
    assert.equal(row.event_count, 4)
    assert.equal(row.size, row.snapshot_data.length)
    const { team_id, session_id, window_id, snapshot_source, snapshot_library, distinct_id } = row
    assert.deepEqual(
      [team_id, session_id, window_id, snapshot_source, snapshot_library, distinct_id],
      [7, 'session', 'window', 'mobile', 'posthog-ios', 'ada'],
    )
    assert.deepEqual([row._partition, row._offset, row._index], [5, 3, 0])
  })

  it('keeps snapshots byte for byte', async () => {
    const strange =
      '{"big":12345678901234567890,"n":1.50,"s":"Zo\\u00eb 👩‍👩‍👧 \\ud83d \\"]","k":{"__proto__":1,"2":0,"1":0}}'
    const row = await rowOf(` { "event":"$snapshot","properties":{"$snapshot_data": [ ${strange} , ${strange}]}} `)
    assert.equal(row.snapshot_data, `[${strange},${strange}]`)
    assert.equal(row.size, Buffer.byteLength(row.snapshot_data))
  })

  it('is as old as its first event says, by the door’s clock', async () => {
    const timeOf = async (own: Readonly<Record<string, unknown>>, sentAt?: number) => {
      const headers = sentAt === undefined ? undefined : { sent_at: String(sentAt) }
      return (await rowOf([snapshot([], own), snapshot([], { offset: 99_999 })], headers)).timestamp
    }
    assert.equal(await timeOf({ offset: 5000 }), (nowMs - 5000) * 1000)
    assert.equal(await timeOf({}), nowMs * 1000)
    const timestamp = '2020-01-01T00:00:00Z'
    assert.equal(await timeOf({ timestamp }), Date.parse(timestamp) * 1000)
    assert.equal(await timeOf({ timestamp }, Date.parse(timestamp) + 2000), (nowMs - 2000) * 1000)
  })

  it('goes when the project no longer wants it', async () => {
    assert.equal((await rowOf(snapshot([]))).expires_at, nowMs / 1000 + 30 * 86_400)
  })

  it('sets aside what is nobody’s, or no recording', async () => {
    assert.deepEqual(await derived('{}', { token: 'phc_nobody' }), {
      kind: 'dead_letter',
      reason: 'unknown_token',
      step: 'project',
    })
    for (const body of [
      '{}',
      '[]',
      '5',
      '[{"properties":{"$snapshot_data":5}}]',
      '[{"properties":{"$snapshot_data":[]}},{}]',
    ])
      assert.deepEqual(await derived(body), { kind: 'dead_letter', reason: 'not_a_recording', step: 'parse' })
    assert.equal((await derived('', { erased: 'true' })).kind, 'dropped')
  })

  it('takes a recording of 5 MB', async () => {
    const text = 'some "quoted" text, ä€😀 '.repeat(200)
    const items = Array.from({ length: 1000 }, (_, n) => ({ type: 3, timestamp: n, data: { text } }))
    const row = await rowOf([snapshot(items.slice(0, 500)), snapshot(items.slice(500))])
    assert.ok(row.size > 5_000_000)
    assert.deepEqual(JSON.parse(row.snapshot_data), items)
  })
})
