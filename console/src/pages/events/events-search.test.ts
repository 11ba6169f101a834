import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { boundsOf, eventsLink, eventsSearchFrom, isNarrowed, uuidFrom, type EventsSearch } from './events-search.ts'

const everything: EventsSearch = {
  event: 'signed up',
  distinctId: 'user-1',
  period: { kind: 'between', after: '2026-11-01T00:00:00.000Z', before: '' },
  filters: [{ property: 'plan', operator: 'exact', values: ['pro'] }],
  isRefreshing: true,
  open: '0198c1f0-0000-7000-8000-000000000001',
}
const nothing = eventsSearchFrom({})

describe('the address of the Events page', () => {
  it('brings back what it was made of', () => {
    for (const search of [everything, nothing, { ...everything, period: { kind: 'last', hours: 24 } } as const])
      assert.deepEqual(
        eventsSearchFrom(JSON.parse(JSON.stringify(eventsLink(search))) as Record<string, unknown>),
        search,
      )
  })

  it('is empty when nothing is asked for, and falls back to that when it is broken', () => {
    assert.deepEqual(eventsLink(nothing), {})
    assert.ok(!isNarrowed(nothing))
    assert.deepEqual(eventsSearchFrom({ event: {}, hours: -1, filters: 'x', refresh: 'yes', open: [] }), nothing)
  })

  it('takes a distinct id of digits', () => {
    assert.equal(eventsSearchFrom({ distinct_id: 42 }).distinctId, '42')
  })
})

describe('the bounds of the Events page', () => {
  it('are whole minutes, so that they stay the same while pages are loaded', () => {
    const last = { kind: 'last', hours: 1 } as const
    assert.deepEqual(boundsOf(last, new Date('2026-11-21T12:34:56Z')), { after: '2026-11-21T11:34:00.000Z' })
  })

  it('leave out what is open', () => {
    assert.deepEqual(boundsOf(everything.period, new Date()), { after: '2026-11-01T00:00:00.000Z' })
    assert.deepEqual(boundsOf({ kind: 'any' }, new Date()), {})
  })
})

describe('a pasted uuid', () => {
  it('is known with blanks and capitals, and nothing else is taken for one', () => {
    assert.equal(uuidFrom(' 0198C1F0-0000-7000-8000-00000000000A\n'), '0198c1f0-0000-7000-8000-00000000000a')
    for (const text of ['', 'user-1', '0198c1f0-0000-7000-8000', '0198c1f0000070008000000000000001'])
      assert.equal(uuidFrom(text), undefined)
  })
})
