import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EventRate, rowsMax, sayGap, WaitingMessages, withNewRows } from './live-feed.ts'
import type { LiveRow } from './live-feed.ts'

const message = (uuid: string) =>
  ({ kind: 'event', id: `id of ${uuid}`, data: JSON.stringify({ uuid, event: 'seen' }) }) as const
const uuids = (rows: readonly LiveRow[]) => rows.map((row) => (row.kind === 'event' ? row.event.uuid : row.gap.reason))

describe('messages of the live feed', () => {
  it('become rows, newest first', () => {
    const waiting = new WaitingMessages()
    waiting.push(message('a'))
    waiting.push({ kind: 'gap', id: '', data: '{"missed":3,"reason":"rate"}' })
    waiting.push(message('b'))
    assert.deepEqual(uuids(waiting.flush().rows), ['b', 'rate', 'a'])
    assert.equal(waiting.isEmpty, true)
  })

  it('are bounded while nobody looks, and the newest stay', () => {
    const waiting = new WaitingMessages()
    for (let index = 0; index < 12_345; index += 1) waiting.push(message(String(index)))
    const { rows, eventCount, lastId } = waiting.flush()
    assert.equal(rows.length, rowsMax)
    assert.equal(eventCount, 12_345)
    assert.equal(lastId, 'id of 12344')
    assert.deepEqual(uuids(rows.slice(0, 2)), ['12344', '12343'])
  })

  it('are left out when they are no JSON or have no uuid', () => {
    const waiting = new WaitingMessages()
    waiting.push({ kind: 'event', id: '', data: '{' })
    waiting.push({ kind: 'event', id: '', data: '{"event":"seen"}' })
    assert.deepEqual(waiting.flush().rows, [])
  })

  it('keep keys that are never used twice', () => {
    const waiting = new WaitingMessages()
    waiting.push(message('a'))
    const first = waiting.flush().rows
    waiting.push(message('a'))
    const rows = withNewRows(first, waiting.flush().rows)
    assert.equal(new Set(rows.map((row) => row.key)).size, 2)
  })
})

describe('the list of rows', () => {
  it('never grows beyond its bound', () => {
    const row = (key: number): LiveRow => ({ kind: 'gap', key, gap: { missed: null, reason: 'rate' } })
    const many = Array.from({ length: rowsMax }, (_, key) => row(key))
    const rows = withNewRows(many, [row(-2), row(-1)])
    assert.equal(rows.length, rowsMax)
    assert.deepEqual(
      rows.slice(0, 3).map(({ key }) => key),
      [-2, -1, 0],
    )
  })
})

describe('the rate', () => {
  it('counts whole seconds of the last five', () => {
    const rate = new EventRate(1_000)
    for (let ms = 10_000; ms < 15_000; ms += 10) rate.add(ms)
    assert.equal(rate.perSecond(15_000), 100)
  })

  it('is right from the second second on', () => {
    const rate = new EventRate(10_000)
    for (let ms = 10_000; ms < 12_000; ms += 10) rate.add(ms)
    assert.equal(rate.perSecond(12_000), 100)
  })

  it('falls to nothing when nothing comes', () => {
    const rate = new EventRate(10_000)
    rate.add(10_000)
    assert.equal(rate.perSecond(60_000), 0)
  })
})

describe('a gap', () => {
  it('is said with its count and its reason', () => {
    assert.match(sayGap({ missed: 1_234, reason: 'rate' }), /^1,234 events are not shown here: more arrive/)
    assert.match(sayGap({ missed: 1, reason: 'slow_reader' }), /^One event is/)
    assert.match(sayGap({ missed: null, reason: 'restarted' }), /^Some events .* restarted/)
  })
})
