import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noLimitedTokens } from '../../../stores/coordination/limited-tokens.ts'
import { createMemoryLimitedTokens } from '../../../stores/coordination/memory/memory-limited-tokens.ts'
import type { LimitRule } from '../../../stores/state/door-policy.ts'
import { aPolicy } from '../read-request.fixtures.ts'
import { createCountedLimits } from './counted-limits.ts'

const nowMs = Date.UTC(2026, 1, 28, 23, 59, 59)
const quota = { eventsMax: 5, period: 'month' } as const
const rate = { eventsPerSecond: 0.5, burstEventsMax: 2 }
const aRule = (eventType: string, own: Partial<LimitRule> = { quota }): LimitRule => ({
  id: eventType,
  eventType,
  ...own,
})

function limitsOf(rules: readonly LimitRule[]) {
  const limits = createCountedLimits(noLimitedTokens)({ ...aPolicy, limits: rules }, 'phc_a', nowMs)
  assert.ok(limits)
  return limits
}

/** What an event of such a name counts against, by the resources that an answer names. */
function countedAs(types: readonly string[], name: string, kind: 'events' | 'recording' = 'events'): readonly string[] {
  const limits = limitsOf(types.map((type) => aRule(type)))
  return limits.of(kind, name).map((at) => limits.resources[at] ?? '')
}

describe('the limits that an event counts against', () => {
  const cases: readonly (readonly [name: string, types: readonly string[], counted: readonly string[]])[] = [
    ['click', ['@events'], ['events']],
    ['click', ['@recordings', '@exceptions', 'other'], []],
    ['click', ['@events', 'click', 'other'], ['click', 'events']],
    ['$exception', ['@events'], ['events']],
    ['$exception', ['@events', '@exceptions'], ['exceptions']],
    ['$exception', ['@events', '@exceptions', '$exception'], ['$exception', 'exceptions']],
    ['survey sent', ['@events', '@surveys'], ['surveys']],
    ['survey closed', ['@events', '@surveys'], ['events']],
    ['$ai_span', ['@events', '@llm_events'], ['llm_events']],
    ['$ai_span', ['@events'], ['events']],
    ['@events', ['@events'], ['events']],
  ]
  for (const [name, types, counted] of cases) {
    it(`are, for ${name} where ${types.join(', ')} are limited: ${counted.join(', ') || 'none'}`, () => {
      assert.deepEqual(countedAs(types, name), counted)
    })
  }

  it('are those of recordings for a recording, and never those of events', () => {
    assert.deepEqual(countedAs(['@events', '@recordings'], '$snapshot_items', 'recording'), ['recordings'])
    assert.deepEqual(countedAs(['@events'], '$snapshot_items', 'recording'), [])
  })

  it("name token, type and, of a quota, the period, which is a calendar's", () => {
    const limits = limitsOf([aRule('@events', { quota, rate }), aRule('click', { rate })])
    const at = limits.of('events', 'click')
    assert.deepEqual(
      at.map((index) => limits.applied[index]),
      [
        {
          kind: 'quota',
          key: 'quota:{phc_a}:@events:2026-02-01T00:00:00.000Z',
          max: 5,
          expiresAtMs: Date.UTC(2026, 2, 1),
        },
        { kind: 'rate', key: 'rate:{phc_a}:click', perSecond: 0.5, burst: 2 },
        { kind: 'rate', key: 'rate:{phc_a}:@events', perSecond: 0.5, burst: 2 },
      ],
      'quotas come first',
    )
  })

  it('are made once for each name of a request, and once for each type', () => {
    const limits = limitsOf([aRule('@events', { quota, rate }), aRule('click')])
    assert.equal(limits.of('events', 'click'), limits.of('events', 'click'))
    assert.deepEqual(limits.of('events', 'other'), limits.of('events', 'another'))
    assert.equal(limits.applied.length, 3)
  })

  it('are the same from request to request of a token until a period ends, also when the clock is set back', () => {
    const countedLimits = createCountedLimits(noLimitedTokens)
    const policy = { ...aPolicy, limits: [aRule('@events', { quota, rate })] }
    const appliedAt = (token: string, atMs: number) => {
      const limits = countedLimits(policy, token, atMs)
      limits?.of('events', 'click')
      return limits?.applied ?? []
    }
    const keyAt = (token: string, atMs: number) => appliedAt(token, atMs)[0]?.key
    const march = 'quota:{phc_a}:@events:2026-03-01T00:00:00.000Z'
    const [first, again] = [appliedAt('phc_a', nowMs), appliedAt('phc_a', nowMs + 999)]
    for (const at of [0, 1]) assert.equal(first[at], again[at])
    assert.equal(keyAt('phc_a', nowMs + 1000), march)
    assert.equal(keyAt('phc_a', nowMs), first[0]?.key)
    assert.equal(keyAt('phc_a', nowMs + 1000), march)
    assert.equal(keyAt('phc_b', nowMs + 1000), march.replace('phc_a', 'phc_b'))
  })

  it('are none where a project has none', () => {
    assert.equal(createCountedLimits(noLimitedTokens)(aPolicy, 'phc_a', nowMs), undefined)
  })
})

describe('the limits of a token that somebody else has limited', () => {
  const untilMs = nowMs + 60_000
  const ownRules = { ...aPolicy, limits: [aRule('@events'), aRule('click')] }

  it('are a quota of none on what belongs to the resource, as PostHog sorts it, and no other limit beside it', () => {
    const tokens = createMemoryLimitedTokens()
    const countedLimits = createCountedLimits(tokens)
    tokens.limit('phc_a', 'events', untilMs)
    for (const policy of [undefined, aPolicy, ownRules]) {
      const limits = countedLimits(policy, 'phc_a', nowMs)
      assert.deepEqual(limits?.of('events', 'click'), [0])
      assert.deepEqual(limits.applied, [
        { kind: 'quota', key: 'quota:{phc_a}:@posthog/quota-limits/events', max: 0, expiresAtMs: untilMs },
      ])
      assert.deepEqual(limits.resources, ['events'])
      assert.deepEqual(limits.of('recording', '$snapshot_items'), [])
    }
    const unclaimed = countedLimits(undefined, 'phc_a', nowMs)
    for (const name of ['$exception', 'survey sent', '$ai_span']) assert.deepEqual(unclaimed?.of('events', name), [])
    assert.equal(countedLimits(undefined, 'phc_b', nowMs), undefined)
  })

  it('stand beside those of the project for what belongs to other resources', () => {
    const tokens = createMemoryLimitedTokens()
    tokens.limit('phc_a', 'exceptions', untilMs)
    tokens.limit('phc_a', 'recordings', untilMs)
    const limits = createCountedLimits(tokens)(ownRules, 'phc_a', nowMs)
    const resourcesOf = (kind: 'events' | 'recording', name: string) =>
      limits
        ?.of(kind, name)
        .map((at) => [limits.resources[at], limits.applied[at]?.kind === 'quota' && limits.applied[at].max])
    assert.deepEqual(resourcesOf('events', '$exception'), [['exceptions', 0]])
    assert.deepEqual(resourcesOf('events', 'click'), [
      ['click', 5],
      ['events', 5],
    ])
    assert.deepEqual(resourcesOf('recording', '$snapshot_items'), [['recordings', 0]])
    assert.deepEqual(resourcesOf('events', 'survey sent'), [['events', 5]])
  })

  it('end by their time, or when they are let go', () => {
    const tokens = createMemoryLimitedTokens()
    const countedLimits = createCountedLimits(tokens)
    tokens.limit('phc_a', 'events', untilMs)
    assert.deepEqual(countedLimits(undefined, 'phc_a', untilMs - 1)?.of('events', 'click'), [0])
    assert.deepEqual(countedLimits(undefined, 'phc_a', untilMs)?.of('events', 'click'), [])
    tokens.lift('phc_a', 'events')
    assert.equal(countedLimits(undefined, 'phc_a', nowMs), undefined)
  })
})
