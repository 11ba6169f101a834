import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RestrictionKind, RestrictionRule } from '../../../stores/state/door-policy.ts'
import { aPolicy } from '../read-request.fixtures.ts'
import { createRestrictions, nothing } from './restrictions.ts'
import type { Pipeline, RestrictedEvent, Ruling } from './restrictions.ts'

const empty = { distinctIds: [], sessionIds: [], eventNames: [], eventUuids: [], pipelines: [] }
const aRule = (own: Partial<RestrictionRule> = {}): RestrictionRule => ({
  id: '',
  kind: 'drop_event_from_ingestion',
  ...empty,
  ...own,
})
const event: RestrictedEvent = { name: 'click', distinctId: 'ada', sessionId: 's1', uuid: 'u1' }

function ruling(restrictions: readonly RestrictionRule[], own = event, pipeline: Pipeline = 'analytics'): Ruling {
  const about = createRestrictions()({ ...aPolicy, restrictions })
  return about?.(own, pipeline) ?? nothing
}

describe('restrictions', () => {
  const kinds: readonly (readonly [RestrictionKind, Partial<Ruling>])[] = [
    ['drop_event_from_ingestion', { isDropped: true }],
    ['redirect_to_dlq', { isDeadLetter: true }],
    ['force_overflow_from_ingestion', { isOverflow: true }],
    ['skip_person_processing', { isPersonless: true }],
    ['redirect_to_topic', { topic: 'historical_events' }],
  ]
  for (const [kind, said] of kinds) {
    it(`of kind ${kind} say so of every event when they have no filter`, () => {
      const topic = kind === 'redirect_to_topic' ? ({ topic: 'historical_events' } as const) : {}
      assert.deepEqual(ruling([aRule({ kind, ...topic })]), { ...nothing, ...said })
    })
  }

  const filters: readonly (readonly [what: string, filter: Partial<RestrictionRule>, matches: boolean])[] = [
    ['one of several names', { eventNames: ['other', 'click'] }, true],
    ['another name', { eventNames: ['other'] }, false],
    ['the distinct id', { distinctIds: ['ada', 'bob'] }, true],
    ['another distinct id', { distinctIds: ['bob'] }, false],
    ['the session', { sessionIds: ['s1'] }, true],
    ['another session', { sessionIds: ['s2'] }, false],
    ['the uuid', { eventUuids: ['u1'] }, true],
    ['another uuid', { eventUuids: ['u2'] }, false],
    ['the pipeline', { pipelines: ['ai', 'analytics'] }, true],
    ['another pipeline', { pipelines: ['ai'] }, false],
    [
      'all filters',
      { eventNames: ['click'], distinctIds: ['ada'], sessionIds: ['s1'], eventUuids: ['u1'], pipelines: ['analytics'] },
      true,
    ],
    ['all filters but one', { eventNames: ['click'], distinctIds: ['ada'], sessionIds: ['s2'] }, false],
  ]
  for (const [what, filter, matches] of filters) {
    it(`${matches ? 'are' : 'are not'} about an event with ${what}`, () => {
      assert.equal(ruling([aRule(filter)]).isDropped, matches)
    })
  }

  it('that ask for a session or a uuid are not about events without one', () => {
    const bare = { ...event, sessionId: undefined, uuid: undefined }
    assert.equal(ruling([aRule({ sessionIds: ['s1'] }), aRule({ eventUuids: ['u1'] })], bare), nothing)
  })

  it('take effect together, and of several topics the first', () => {
    const rules = [
      aRule({ kind: 'skip_person_processing' }),
      aRule({ kind: 'redirect_to_topic', topic: 'exceptions', eventNames: ['other'] }),
      aRule({ kind: 'redirect_to_topic', topic: 'client_warnings' }),
      aRule({ kind: 'redirect_to_topic', topic: 'historical_events' }),
    ]
    assert.deepEqual(ruling(rules), { ...nothing, isPersonless: true, topic: 'client_warnings' })
  })

  it('are compiled once for each policy', () => {
    const restrictionsOf = createRestrictions()
    const policy = { ...aPolicy, restrictions: [aRule()] }
    assert.equal(restrictionsOf(policy), restrictionsOf(policy))
    assert.notEqual(restrictionsOf(policy), restrictionsOf({ ...policy }))
    assert.equal(restrictionsOf(aPolicy), undefined)
  })
})
