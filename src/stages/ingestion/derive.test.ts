import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { LogRecord } from '../../stores/log/event-log.ts'
import { neverExpires } from '../../stores/warehouse/warehouse-row.ts'
import type { WarehouseRow } from '../../stores/warehouse/warehouse-row.ts'
import type { Project } from '../../stores/state/projects.ts'
import { createDerive } from './derive.ts'
import type { Derived } from './derive-batches.ts'
import {
  aNewRecord,
  aProject,
  aRecord,
  canaryToken,
  goodToken,
  nowMs,
  projectsInMemory,
  uuidOf,
} from './ingestion.fixtures.ts'

const daySeconds = 86_400

async function derived(record: LogRecord, projects?: Readonly<Record<string, Project>>): Promise<Derived> {
  return (await createDerive({ projects: projectsInMemory(projects) })([record]))(record, 35)
}

async function rowOf(record: LogRecord, projects?: Readonly<Record<string, Project>>): Promise<WarehouseRow> {
  const result = await derived(record, projects)
  assert.equal(result.kind, 'row')
  assert.ok(result.json.endsWith('}\n'))
  return JSON.parse(result.json) as WarehouseRow
}

function recordOf(event: unknown, headers: Readonly<Record<string, string>> = {}): LogRecord {
  return {
    lane: 'historical_events',
    position: { incarnation: 4, partition: 3, offset: 2 ** 33 + 5 },
    timeMs: nowMs + 7,
    ...aNewRecord(event, headers),
  }
}

describe('a row derived from a record', () => {
  it('has every column, from the event, the door and the log', async () => {
    const before = Date.now()
    const event = {
      event: 'bought',
      properties: { price: 9.5, $set: { plan: 'pro' } },
      timestamp: '2026-03-10T11:00:00Z',
    }
    const headers = { uuid: uuidOf('one'), distinct_id: 'ada', sent_at: String(nowMs) }
    const { created_at, ...row } = await rowOf(recordOf(event, headers))
    assert.deepEqual(row, {
      uuid: uuidOf('one'),
      event: 'bought',
      properties: JSON.stringify({
        price: 9.5,
        $set: { plan: 'pro' },
        $ip: '192.0.2.1',
        $sent_at: '2026-03-10T12:00:00.000Z',
      }),
      timestamp: Date.UTC(2026, 2, 10, 11) * 1000,
      team_id: 1,
      distinct_id: 'ada',
      accepted_at: nowMs + 7,
      expires_at: neverExpires,
      version: nowMs + 7,
      _incarnation: 4,
      _partition: 35,
      _offset: 2 ** 33 + 5,
      _index: 0,
    })
    assert.ok(created_at >= before && created_at <= Date.now())
  })

  it('goes when the project no longer wants it, counted from when the event happened', async () => {
    const event = { event: 'e', timestamp: '2026-03-01T00:00:00Z' }
    const kept = await rowOf(recordOf(event), { [goodToken]: aProject({ eventRetentionDays: 30 }) })
    assert.equal(kept.expires_at, Date.UTC(2026, 2, 1) / 1000 + 30 * daySeconds)
  })

  it('stays within what the column of its end can hold, however old the event or long the retention', async () => {
    const forLong = { [goodToken]: aProject({ eventRetentionDays: 1_000_000 }) }
    assert.equal((await rowOf(recordOf({ event: 'e' }), forLong)).expires_at, neverExpires)
    const old = { event: 'e', timestamp: '1905-01-01T00:00:00Z' }
    const forDays = { [goodToken]: aProject({ eventRetentionDays: 7 }) }
    assert.equal((await rowOf(recordOf(old), forDays)).expires_at, 0)
  })

  it('has its time corrected by the client clock, unless the event says that its time is right', async () => {
    const timestamp = new Date(nowMs - 600_000).toISOString()
    // The client's clock is an hour late.
    const headers = { sent_at: String(nowMs - 3_600_000) }
    const corrected = await rowOf(recordOf({ event: 'e', timestamp }, headers))
    assert.equal(corrected.timestamp, (nowMs - 600_000 + 3_600_000) * 1000)
    for (const [flag, ms] of [
      [true, nowMs - 600_000],
      ['true', nowMs + 3_000_000],
      [1, nowMs + 3_000_000],
    ] as const) {
      const row = await rowOf(recordOf({ event: 'e', timestamp, properties: { $ignore_sent_at: flag } }, headers))
      assert.equal(row.timestamp, ms * 1000, `$ignore_sent_at ${String(flag)}`)
    }
  })

  it('keeps keys that mean something to JavaScript as plain data', async () => {
    const text = '{"event":"e","properties":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}}}}'
    const row = await rowOf(recordOf(text))
    assert.match(row.properties, /"__proto__":\{"polluted":1\},"constructor":\{"prototype":\{"polluted":2\}\}/)
    assert.equal(Reflect.get({}, 'polluted'), undefined)
  })

  it('is a canary exactly when it belongs to the reserved project', async () => {
    const canary = await derived(recordOf({ event: 'canary' }, { token: canaryToken }))
    const other = await derived(recordOf({ event: 'canary' }))
    assert.deepEqual([canary.kind === 'row' && canary.canary, other.kind === 'row' && other.canary], [true, false])
  })
})

describe('a record that becomes no row', () => {
  it('is a dead letter when nobody has its token', async () => {
    assert.deepEqual(await derived(recordOf({ event: 'e' }, { token: 'phc_typo' })), {
      kind: 'dead_letter',
      reason: 'unknown_token',
      step: 'project',
    })
  })

  it('is a dead letter when it cannot be parsed', async () => {
    assert.deepEqual(await derived(recordOf('{"event":')), { kind: 'dead_letter', reason: 'not_json', step: 'parse' })
    assert.deepEqual(await derived(recordOf('[1]')), { kind: 'dead_letter', reason: 'not_an_object', step: 'parse' })
  })

  it('is dropped when it was erased, whatever is left of it', async () => {
    const dropped = { kind: 'dropped', reason: 'erased', step: 'read' }
    assert.deepEqual(await derived(recordOf('', { erased: 'true', token: 'phc_gone' })), dropped)
    assert.deepEqual(await derived(recordOf({ event: 'e' }, { erased: 'true' })), dropped)
  })
})

describe('the look-up of projects', () => {
  it('asks once a token and stretch, and rejects the whole stretch when it cannot be known', async () => {
    let asked = 0
    const projects = projectsInMemory(undefined, () => {
      asked++
      if (asked > 2) throw new Error('away')
    })
    const records = [aRecord(0), aRecord(1), aRecord(2, { headers: { token: 'phc_other' } }), aRecord(3)]
    const derive = createDerive({ projects })
    await derive(records)
    assert.equal(asked, 2)
    await assert.rejects(derive(records), { message: 'away' })
  })
})
