/** Which rule speaks when several would (C9; capture spec §22). */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import { createMemoryIntake } from '../../stores/intake/memory/memory-intake.ts'
import type { Intake } from '../../stores/intake/intake.ts'
import type { DoorPolicy, LimitRule, RestrictionRule } from '../../stores/state/door-policy.ts'
import type { Admission, AdmittedEvent } from './admission.ts'
import { aCanaryToken, anEvent, aPolicy, aRequest, aTime, openAdmission, someEvents } from './read-request.fixtures.ts'

const secret = 'a secret of at least 32 characters'
const filters = { distinctIds: [], sessionIds: [], eventNames: [], eventUuids: [], pipelines: [] }
const dropAll: RestrictionRule = { id: '1', kind: 'drop_event_from_ingestion', ...filters }
const deadLetterAll: RestrictionRule = { id: '2', kind: 'redirect_to_dlq', ...filters }
const noEvents: LimitRule = { id: '3', eventType: '@events', quota: { eventsMax: 0, period: 'day' } }
const noRate: LimitRule = {
  id: '4',
  eventType: '@events',
  rate: { eventsPerSecond: 0, burstEventsMax: 1 },
}
const unknownTokens = {
  lookup: () => ({ kind: 'unknown' }) as const,
  confirm: () => Promise.resolve({ kind: 'unknown' } as const),
}

function signed(timeMs = aTime) {
  const { method, target, sentBody } = aRequest().signed
  const head = `${String(timeMs)}\n${method}\n${target}\n`
  const hex = createHmac('sha256', secret).update(head).update(sentBody).digest('hex')
  return { method, target, sentBody, signature: `t=${String(timeMs)},v1=${hex}` }
}

function only(admission: Admission): AdmittedEvent {
  assert.equal(admission.kind, 'admitted')
  const [outcome] = admission.outcomes
  assert.ok(outcome)
  assert.equal(admission.outcomes.length, 1)
  return outcome
}

describe('the order of the rules at the door', () => {
  const everything: DoorPolicy = {
    signingSecrets: [secret],
    lanes: ['exceptions'],
    restrictions: [dropAll, deadLetterAll],
    limits: [noEvents, noRate],
  }
  const bad = [anEvent({ refusal: 'no name' })]

  it('asks for the token before all else', async () => {
    const { admit, asked } = openAdmission({ tokens: unknownTokens })
    assert.equal((await admit(aRequest({ events: bad }))).kind, 'unknown_token')
    assert.equal(asked.length, 0)
  })

  it('asks for the signature before what the token may write', async () => {
    const { admit, asked } = openAdmission({ policy: everything, answers: 'strict' })
    assert.equal((await admit(aRequest({ events: bad }))).kind, 'unsigned')
    assert.equal(asked.length, 0)
  })

  it('asks what the token may write before whether the events are valid', async () => {
    const { admit, asked } = openAdmission({ policy: everything, answers: 'strict' })
    assert.equal((await admit(aRequest({ events: bad, signed: signed() }))).kind, 'forbidden')
    assert.equal(asked.length, 0)
  })

  it('asks whether the events are valid before restrictions', async () => {
    const policy = { ...everything, lanes: undefined }
    const strict = openAdmission({ policy, answers: 'strict' })
    assert.equal((await strict.admit(aRequest({ events: bad, signed: signed() }))).kind, 'refused_whole')
    const { admit } = openAdmission({ policy })
    const { verdict, refusal } = only(await admit(aRequest({ events: bad, signed: signed() })))
    assert.deepEqual([verdict, refusal], ['refused', 'no name'])
  })

  it('drops before it makes dead letters, and both before anything is counted', async () => {
    const { admit, asked } = openAdmission({ policy: { restrictions: [deadLetterAll, dropAll], limits: [noEvents] } })
    const { verdict, partition, offset } = only(await admit(aRequest()))
    assert.deepEqual([verdict, partition, offset], ['dropped', -1, -1])
    assert.equal(asked.length, 0, 'nothing is left to store')
    const other = openAdmission({ policy: { restrictions: [deadLetterAll], limits: [noEvents] } })
    const letter = only(await other.admit(aRequest()))
    assert.deepEqual(
      [letter.verdict, letter.refusal, letter.lane],
      ['refused', 'event_restriction', 'events_plugin_ingestion_dlq'],
    )
  })

  it("goes by the operator's list before the project's restrictions", async () => {
    const { admit } = openAdmission({ policy: { restrictions: [deadLetterAll] }, config: { dropEvents: 'phc_a:ada' } })
    assert.equal(only(await admit(aRequest())).verdict, 'dropped')
    assert.equal(only(await admit(aRequest({ events: [anEvent({ distinctId: 'bob' })] }))).verdict, 'refused')
  })

  it('finds copies before quotas, and quotas before rates', async () => {
    const intake = createMemoryIntake(4)
    const before = openAdmission({ intake })
    assert.equal(only(await before.admit(aRequest())).verdict, 'stored')
    const { admit } = openAdmission({ intake, policy: { limits: [{ ...noEvents, ...noRate }] } })
    assert.equal(only(await admit(aRequest())).verdict, 'duplicate')
    const [first, second] = someEvents({}, { uuid: undefined })
    assert.ok(first && second)
    const limited = only(await admit(aRequest({ events: [first] })))
    assert.deepEqual([limited.verdict, limited.limited?.resource], ['quota_limited', 'events'])
    const rated = openAdmission({ policy: { limits: [noRate] } })
    assert.equal(only(await rated.admit(aRequest({ events: [first] }))).verdict, 'stored')
    assert.equal(only(await rated.admit(aRequest({ events: [second] }))).verdict, 'rate_limited')
  })

  it('lets the health check pass all of it', async () => {
    const { admit, intake } = openAdmission({
      tokens: unknownTokens,
      policy: everything,
      config: { dropEvents: aCanaryToken, overflowKeys: [aCanaryToken], historicalAfterDays: 1 },
    })
    const events = [anEvent({ timestampText: '2001-01-01T00:00:00Z' })]
    const { verdict, lane } = only(await admit(aRequest({ token: aCanaryToken, events })))
    assert.deepEqual([verdict, lane], ['stored', 'events_plugin_ingestion'])
    assert.equal(intake.books().canary, 1)
  })

  it('says nothing of a project when nobody is sure about its token', async () => {
    const unsure = { kind: 'unsure' } as const
    const { admit } = openAdmission({ tokens: { lookup: () => unsure, confirm: () => Promise.resolve(unsure) } })
    assert.equal(only(await admit(aRequest())).verdict, 'stored')
  })
})

describe('a signed request', () => {
  it('may come again with its signature when it could not be stored, and not when it was', async () => {
    const intake = createMemoryIntake(4)
    let failures = 1
    const failing: Intake = {
      ...intake,
      submit(request) {
        if (failures-- <= 0) return intake.submit(request)
        return Promise.reject(new Failure('SLUICE_INTAKE_FULL', 'Too much waits.', { retryable: true }))
      },
    }
    const { admit } = openAdmission({ policy: { signingSecrets: [secret] }, intake: failing })
    await assert.rejects(admit(aRequest({ signed: signed() })), { code: 'SLUICE_INTAKE_FULL' })
    assert.equal(only(await admit(aRequest({ signed: signed() }))).verdict, 'stored')
    assert.equal((await admit(aRequest({ signed: signed() }))).kind, 'unsigned')
    assert.equal(only(await admit(aRequest({ signed: signed(aTime + 1) }))).verdict, 'duplicate')
  })
})

describe('a token that may write some lanes', () => {
  const policy = { ...aPolicy, lanes: ['exceptions', 'heatmaps_ingestion'] as const }
  const mixed = someEvents({ name: '$exception' }, { name: 'click' })

  it('has its other events refused one by one, and those of strict projects as a whole', async () => {
    const { admit } = openAdmission({ policy })
    const admission = await admit(aRequest({ events: mixed }))
    assert.equal(admission.kind, 'admitted')
    assert.deepEqual(
      admission.outcomes.map(({ verdict, lane, refusal }) => [verdict, lane, refusal]),
      [
        ['stored', 'exceptions', undefined],
        [
          'refused',
          'events_plugin_ingestion_dlq',
          'this token may not write to events_plugin_ingestion, only to exceptions, heatmaps_ingestion',
        ],
      ],
    )
    const strict = openAdmission({ policy, answers: 'strict' })
    assert.equal((await strict.admit(aRequest({ events: mixed }))).kind, 'forbidden')
    assert.equal(strict.asked.length, 0)
  })

  it('is turned away when none of its events may be written, and nothing is stored', async () => {
    const { admit, asked } = openAdmission({ policy })
    const admission = await admit(aRequest({ events: someEvents({ name: 'click' }, { name: '$ai_span' }) }))
    assert.deepEqual(admission, {
      kind: 'forbidden',
      reason: 'this token may not write to events_plugin_ingestion, only to exceptions, heatmaps_ingestion',
    })
    assert.equal((await admit(aRequest({ kind: 'recording' }))).kind, 'forbidden')
    assert.equal(asked.length, 0)
  })

  it('is asked about what the client says, not about where the door puts it', async () => {
    const { admit } = openAdmission({
      policy: { lanes: ['events_plugin_ingestion'] },
      config: { historicalAfterDays: 1, overflowKeys: ['phc_a:bob'] },
    })
    const old = anEvent({ timestampText: '2001-01-01T00:00:00Z' })
    assert.equal(only(await admit(aRequest({ events: [old] }))).lane, 'historical_events')
    const bob = anEvent({ distinctId: 'bob', uuid: undefined })
    assert.equal(only(await admit(aRequest({ events: [bob] }))).lane, 'events_plugin_ingestion_overflow')
    assert.equal((await admit(aRequest({ historicalMigration: true }))).kind, 'forbidden')
  })

  it('that may not write heatmaps leaves those of other events where they are', async () => {
    const { admit, asked } = openAdmission({ policy: { lanes: ['events_plugin_ingestion'] } })
    await admit(aRequest({ events: [anEvent({ hasHeatmap: true })] }))
    assert.deepEqual(
      asked[0]?.events.map(({ lane, marks }) => [lane, marks]),
      [['events_plugin_ingestion', undefined]],
    )
  })
})
