/** Lanes, partition keys, marks, splits and limits of events, as the intake is asked to store them. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Lane } from '../../event/position.ts'
import { eventMarks } from '../../event/event-marks.ts'
import type { DoorPolicy, RestrictionKind, RestrictionRule } from '../../stores/state/door-policy.ts'
import type { AdmissionConfig } from './admission.config.ts'
import type { AdmittedEvent } from './admission.ts'
import type { ReadRequest, ReadRequestEvent } from './read-request.ts'
import { anEvent, aRequest, aTime, aUuid, openAdmission, someEvents } from './read-request.fixtures.ts'

const filters = { distinctIds: [], sessionIds: [], eventNames: [], eventUuids: [], pipelines: [] }
const aRule = (kind: RestrictionKind, own: Partial<RestrictionRule> = {}): RestrictionRule => ({
  id: kind,
  kind,
  ...filters,
  ...own,
})
const toTopic = (topic: Lane): RestrictionRule => aRule('redirect_to_topic', { topic })
const { historical_migration, force_disable_person_processing, skip_heatmap_processing } = eventMarks
const { is_cookieless_mode, capture_internal } = eventMarks

type Case = readonly [
  what: string,
  given: {
    readonly event?: Partial<ReadRequestEvent>
    readonly request?: Partial<ReadRequest>
    readonly restrictions?: readonly RestrictionRule[]
    readonly config?: Partial<AdmissionConfig>
  },
  lane: Lane,
  partitionKey: string,
  marks: number | undefined,
]

const main = 'events_plugin_ingestion'
const overflow = 'events_plugin_ingestion_overflow'
const hour = 3_600_000
const old = new Date(aTime - 48 * hour).toISOString()
const young = new Date(aTime - 23 * hour).toISOString()
const byAge = { historicalAfterDays: 1 }
const forced = { overflowKeys: ['phc_a:ada'] }
const personless = [aRule('skip_person_processing')]

const cases: readonly Case[] = [
  ['an ordinary event', {}, main, 'phc_a:ada', undefined],
  ['an exception', { event: { name: '$exception' } }, 'exceptions', 'phc_a:ada', undefined],
  ['an event of a migration', { request: { historicalMigration: true } }, 'historical_events', 'phc_a:ada', historical_migration],
  ['a special event of a migration', { event: { name: '$ai_trace' }, request: { historicalMigration: true } }, 'events_plugin_ingestion_ai', 'phc_a:ada', historical_migration],
  ['a cookieless event', { event: { isCookieless: true } }, main, 'phc_a:192.0.2.1', is_cookieless_mode],
  ['an internal event', { event: { isInternal: true } }, main, 'phc_a:ada', capture_internal],
  ['an old event', { event: { timestampText: old } }, main, 'phc_a:ada', undefined],
  ['an old event where old ones are historical', { event: { timestampText: old }, config: byAge }, 'historical_events', 'phc_a:ada', historical_migration],
  ['a young one there', { event: { timestampText: young }, config: byAge }, main, 'phc_a:ada', undefined],
  ['one of a clock that is behind', { event: { timestampText: old }, request: { sentAtMs: aTime - 48 * hour }, config: byAge }, main, 'phc_a:ada', undefined],
  ['an old exception there', { event: { name: '$exception', timestampText: old }, config: byAge }, 'exceptions', 'phc_a:ada', undefined],
  ['an event of nobody in particular', { event: { isPersonless: true } }, main, `phc_a:${aUuid}`, force_disable_person_processing],
  ['one without persons by a restriction', { restrictions: personless }, main, `phc_a:${aUuid}`, force_disable_person_processing],
  ['an old one of nobody in particular', { event: { timestampText: old, isPersonless: true }, config: byAge }, 'historical_events', `phc_a:${aUuid}`, historical_migration | force_disable_person_processing],
  ['an old one whose key the operator named', { event: { timestampText: old }, config: { ...byAge, ...forced } }, overflow, `phc_a:${aUuid}`, force_disable_person_processing],
  ['an exception without persons', { event: { name: '$exception' }, restrictions: personless }, 'exceptions', 'phc_a:ada', force_disable_person_processing],
  ['a historical event without persons', { request: { historicalMigration: true }, restrictions: personless }, 'historical_events', 'phc_a:ada', historical_migration | force_disable_person_processing],
  ['one that is sent to overflow', { restrictions: [aRule('force_overflow_from_ingestion')] }, overflow, 'phc_a:ada', undefined],
  ['one that is sent to overflow without persons', { restrictions: [aRule('force_overflow_from_ingestion'), ...personless] }, overflow, `phc_a:${aUuid}`, force_disable_person_processing],
  ['an exception that would be sent to overflow', { event: { name: '$exception' }, restrictions: [aRule('force_overflow_from_ingestion')] }, 'exceptions', 'phc_a:ada', undefined],
  ['a historical event that would be sent to overflow', { request: { historicalMigration: true }, restrictions: [aRule('force_overflow_from_ingestion')] }, 'historical_events', 'phc_a:ada', historical_migration],
  ['one whose key the operator named', { config: forced }, overflow, `phc_a:${aUuid}`, force_disable_person_processing],
  ['one of another key', { event: { distinctId: 'bob' }, config: forced }, main, 'phc_a:bob', undefined],
  ['one that is sent to a topic', { restrictions: [toTopic('client_warnings'), aRule('force_overflow_from_ingestion')] }, 'client_warnings', 'phc_a:ada', undefined],
  ['an old exception that is sent to a topic', { event: { name: '$exception', timestampText: old }, config: byAge, restrictions: [toTopic(main)] }, main, 'phc_a:ada', undefined],
  ['a recording', { request: { kind: 'recording' }, event: { sessionId: 's1' } }, 'session_recording_snapshot_item_events', 's1', undefined],
  ['a recording, whatever is said of events', { request: { kind: 'recording', historicalMigration: true }, event: { sessionId: 's1' }, restrictions: [toTopic(main), aRule('force_overflow_from_ingestion'), ...personless], config: { ...byAge, ...forced } }, 'session_recording_snapshot_item_events', 's1', historical_migration | force_disable_person_processing],
] // prettier-ignore

describe('where events go', () => {
  for (const [what, { event, request, restrictions = [], config = {} }, lane, partitionKey, marks] of cases) {
    it(`${lane}, by ${partitionKey}: ${what}`, async () => {
      const { admit, asked } = openAdmission({ policy: { restrictions }, config })
      const admission = await admit(aRequest({ ...request, events: [anEvent(event)] }))
      assert.equal(admission.kind, 'admitted')
      const [stored] = asked[0]?.events ?? []
      assert.deepEqual([stored?.lane, stored?.partitionKey, stored?.marks], [lane, partitionKey, marks])
      const isPersonless = marks !== undefined && (marks & force_disable_person_processing) !== 0
      assert.equal(admission.outcomes[0]?.isPersonless ?? false, isPersonless)
    })
  }

  it('events_plugin_ingestion_overflow: what a key sends beyond its burst', async () => {
    const { admit, asked } = openAdmission({ config: { overflowEventsPerSecond: 1, overflowBurstEventsMax: 2 } })
    await admit(aRequest({ events: someEvents({}, {}, {}, { distinctId: 'bob' }, { name: '$exception' }) }))
    assert.deepEqual(
      asked[0]?.events.map(({ lane, partitionKey }) => [lane, partitionKey]),
      [
        [main, 'phc_a:ada'],
        [main, 'phc_a:ada'],
        [overflow, 'phc_a:ada'],
        [main, 'phc_a:bob'],
        ['exceptions', 'phc_a:ada'],
      ],
    )
  })
})

describe('heatmaps in ordinary events', () => {
  const withHeatmap = { hasHeatmap: true, isCookieless: true }

  it("become records of their own behind the request's events, and nobody's to answer for", async () => {
    const { admit, asked, intake } = openAdmission()
    const events = someEvents({}, { ...withHeatmap, start: 5, end: 9 }, {})
    const admission = await admit(aRequest({ events }))
    assert.equal(admission.kind, 'admitted')
    assert.deepEqual(admission.outcomes.map(({ index, verdict }) => [index, verdict]), [[0, 'stored'], [1, 'stored'], [2, 'stored']]) // prettier-ignore
    const [, original, , heatmap] = asked[0]?.events ?? []
    assert.equal(original?.marks, is_cookieless_mode | skip_heatmap_processing)
    assert.deepEqual(
      { ...heatmap, uuid: undefined },
      {
        start: 5,
        end: 9,
        uuid: undefined,
        distinctId: 'ada',
        lane: 'heatmaps_ingestion',
        partitionKey: 'phc_a:192.0.2.1',
        duplicateKey: undefined,
        marks: is_cookieless_mode,
        splitFrom: 1,
      },
    )
    assert.notDeepEqual(heatmap?.uuid, original.uuid)
    assert.deepEqual([intake.books().received, intake.books().split], [3, 1])
  })

  it('name the place of their event among those that are not dropped', async () => {
    const drop = aRule('drop_event_from_ingestion', { distinctIds: ['bob'] })
    const { admit, asked } = openAdmission({ policy: { restrictions: [drop] } })
    const admission = await admit(aRequest({ events: someEvents({ distinctId: 'bob' }, withHeatmap, {}) }))
    assert.deepEqual(asked[0]?.events.map(({ splitFrom }) => splitFrom), [undefined, undefined, 0]) // prettier-ignore
    assert.equal(admission.kind, 'admitted')
    assert.deepEqual(admission.outcomes.map(({ verdict }) => verdict), ['dropped', 'stored', 'stored']) // prettier-ignore
  })

  const fates: readonly (readonly [RestrictionKind, records: number, marks: number | undefined])[] = [
    ['drop_event_from_ingestion', 1, skip_heatmap_processing],
    ['redirect_to_dlq', 1, undefined],
    ['redirect_to_topic', 2, skip_heatmap_processing],
    ['force_overflow_from_ingestion', 2, skip_heatmap_processing],
  ]
  for (const [kind, records, marks] of fates) {
    it(`are ${String(records - 1)} records where the project says ${kind} of heatmaps`, async () => {
      const rule = aRule(kind, { eventNames: ['$$heatmap'], ...(kind === 'redirect_to_topic' ? { topic: main } : {}) })
      const { admit, asked } = openAdmission({ policy: { restrictions: [rule] } })
      await admit(aRequest({ events: [anEvent({ hasHeatmap: true })] }))
      const { events = [] } = asked[0] ?? {}
      assert.deepEqual([events.length, events[0]?.marks], [records, marks])
      if (records === 2) assert.equal(events[1]?.lane, 'heatmaps_ingestion')
    })
  }

  it('of an event that is refused go nowhere', async () => {
    const { admit, asked } = openAdmission({ policy: { restrictions: [aRule('redirect_to_dlq')] } })
    await admit(aRequest({ events: someEvents(withHeatmap, { ...withHeatmap, refusal: 'no name' }) }))
    assert.deepEqual(asked[0]?.events.map(({ marks }) => marks), [is_cookieless_mode, is_cookieless_mode]) // prettier-ignore
  })
})

describe('limits of a request', () => {
  const limits = [
    { id: '1', eventType: '@events', quota: { eventsMax: 2, period: 'day' } },
    { id: '2', eventType: 'click', rate: { eventsPerSecond: 1, burstEventsMax: 1 } },
  ] as const
  const answersOf = (outcomes: readonly AdmittedEvent[]) =>
    outcomes.map(({ verdict, limited }) => [verdict, limited?.resource, limited?.retryAfterMs])

  it('are met event by event, and told with what was used up and for how long', async () => {
    const { admit, asked } = openAdmission({ policy: { limits } })
    const names = [{ name: 'click' }, { name: 'click' }, {}, {}, { refusal: 'no name' }]
    const admission = await admit(aRequest({ events: someEvents(...names) }))
    assert.equal(admission.kind, 'admitted')
    assert.deepEqual(answersOf(admission.outcomes), [
      ['stored', undefined, undefined],
      ['rate_limited', 'click', 1000],
      ['stored', undefined, undefined],
      ['quota_limited', 'events', 24 * hour],
      ['refused', undefined, undefined],
    ])
    assert.equal(asked[0]?.events[4]?.limits, undefined, 'what is refused counts against nothing')
  })

  it('keep all events of a strict project out when one meets them', async () => {
    const { admit, intake } = openAdmission({ policy: { limits }, answers: 'strict' })
    const admission = await admit(aRequest({ events: someEvents({}, {}, {}) }))
    assert.equal(admission.kind, 'admitted')
    assert.deepEqual([...new Set(admission.outcomes.map(({ verdict }) => verdict))], ['quota_limited'])
    assert.equal(intake.books().stored, 0)
  })
})

describe('a retry', () => {
  const names = ['click', '$exception', '$$heatmap', '$ai_span', '$$client_ingestion_warning', '$pageview']
  const anyEvent = fc.record({
    name: fc.constantFrom(...names),
    uuid: fc.option(fc.uuid(), { nil: undefined }),
    distinctId: fc.constantFrom('ada', 'bob', 'anonymous'),
    timestampText: fc.option(fc.constantFrom(old, young), { nil: undefined }),
    isCookieless: fc.boolean(),
    isInternal: fc.boolean(),
    hasHeatmap: fc.boolean(),
    isPersonless: fc.boolean(),
  })
  const anyPolicy = fc.record({
    restrictions: fc.array(
      fc
        .record({
          kind: fc.constantFrom(
            'drop_event_from_ingestion',
            'force_overflow_from_ingestion',
            'skip_person_processing',
            'redirect_to_dlq',
            'redirect_to_topic',
          ),
          eventNames: fc.subarray(names),
          distinctIds: fc.subarray(['ada', 'bob']),
        })
        .map(({ kind, ...lists }) =>
          aRule(kind, { ...lists, ...(kind === 'redirect_to_topic' ? { topic: 'historical_events' as const } : {}) }),
        ),
      { maxLength: 3 },
    ),
  })
  const anyRequest = fc.record({
    events: fc.array(anyEvent, { minLength: 1, maxLength: 6 }),
    historicalMigration: fc.boolean(),
  })
  const config: Partial<AdmissionConfig> = {
    historicalAfterDays: 1,
    overflowKeys: ['phc_a:bob'],
    overflowEventsPerSecond: 1,
    overflowBurstEventsMax: 2,
  }

  /** Of what a retry can be known by: without uuid and timestamp an event is another one each time. */
  const asStored = async (request: ReadRequest, policy: Partial<DoorPolicy>, own: Partial<AdmissionConfig>) => {
    const { admit, asked } = openAdmission({ policy, config: own })
    await admit(request)
    return asked.flatMap(({ events }) => events)
  }

  it('finds every event in its partition, whenever it comes and whatever came before', async () => {
    const property = fc.asyncProperty(
      anyRequest,
      anyPolicy,
      fc.integer({ min: 0, max: 100 * hour }),
      async ({ events, historicalMigration }, policy, laterMs) => {
        const request = aRequest({ events: someEvents(...events), historicalMigration })
        const { admit, asked } = openAdmission({ policy, config })
        await admit(request)
        await admit({ ...request, nowMs: request.nowMs + laterMs, sentAtMs: request.nowMs + laterMs })
        const keys = asked.map((stored) =>
          stored.events.map(({ partitionKey, duplicateKey, splitFrom }) =>
            // What nothing tells apart is spread at random and is no copy of anything.
            duplicateKey === undefined && splitFrom === undefined ? '' : partitionKey,
          ),
        )
        if (keys.length === 2) assert.deepEqual(keys[1], keys[0])
      },
    )
    await fc.assert(property, { seed: 20_261_121, numRuns: 500 })
  })

  it('finds every event in its lane too, where neither age nor rate decide', async () => {
    const property = fc.asyncProperty(
      anyRequest,
      anyPolicy,
      fc.integer({ min: 0, max: 100 * hour }),
      async ({ events, historicalMigration }, policy, laterMs) => {
        const request = aRequest({ events: someEvents(...events), historicalMigration })
        const settled = { overflowKeys: ['phc_a:bob'] }
        const first = await asStored(request, policy, settled)
        const later = await asStored({ ...request, nowMs: request.nowMs + laterMs }, policy, settled)
        assert.deepEqual(
          later.map(({ lane, marks }) => [lane, marks]),
          first.map(({ lane, marks }) => [lane, marks]),
        )
      },
    )
    await fc.assert(property, { seed: 20_261_122, numRuns: 500 })
  })
})
