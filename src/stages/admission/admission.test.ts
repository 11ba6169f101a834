import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatUuid } from '../../event/uuid.ts'
import type { TokenAnswer, TokenDirectory } from '../../stores/state/token-directory.ts'
import type { Admission } from './admission.ts'
import { aCanaryToken, anEvent, aRequest, aUuid, openAdmission } from './read-request.fixtures.ts'

const known = { kind: 'known', projectId: 1, answers: 'sdk' } as const

/** Tokens in memory: what the list says, and what a second look says when it differs. */
function tokensOf(
  lookups: Readonly<Record<string, TokenAnswer>>,
  confirmations: Readonly<Record<string, TokenAnswer>> = {},
): Pick<TokenDirectory, 'lookup' | 'confirm'> & { readonly confirmed: string[] } {
  const confirmed: string[] = []
  const unknown = { kind: 'unknown' } as const
  return {
    confirmed,
    lookup: (token) => lookups[token] ?? unknown,
    confirm(token) {
      confirmed.push(token)
      return Promise.resolve(confirmations[token] ?? lookups[token] ?? unknown)
    },
  }
}

const opened = (tokens = tokensOf({ phc_a: known })) => openAdmission({ tokens })

function outcomesOf(admission: Admission) {
  assert.equal(admission.kind, 'admitted')
  return admission.outcomes
}

const verdictsOf = (admission: Admission) => outcomesOf(admission).map(({ verdict }) => verdict)

describe('admission by token', () => {
  it('stores the events of a known token without asking twice', async () => {
    const tokens = tokensOf({ phc_a: known })
    const { admit } = opened(tokens)
    assert.deepEqual(verdictsOf(await admit(aRequest())), ['stored'])
    assert.deepEqual(tokens.confirmed, [])
  })

  it('refuses an unknown token only after a second look, and stores nothing', async () => {
    const tokens = tokensOf({}, { phc_new: known })
    const { admit, intake } = opened(tokens)
    assert.deepEqual(await admit(aRequest({ token: 'phc_typo' })), { kind: 'unknown_token' })
    assert.equal(intake.books().received, 0)
    assert.deepEqual(verdictsOf(await admit(aRequest({ token: 'phc_new' }))), ['stored'])
    assert.deepEqual(tokens.confirmed, ['phc_typo', 'phc_new'])
  })

  it('lets a token in that nobody can be sure about, at once or at the second look', async () => {
    const tokens = tokensOf({ phc_dark: { kind: 'unsure' } }, { phc_asked: { kind: 'unsure' } })
    const { admit } = opened(tokens)
    for (const token of ['phc_dark', 'phc_asked']) {
      assert.deepEqual(verdictsOf(await admit(aRequest({ token }))), ['stored'])
    }
  })

  it('knows the canaries by itself and has them counted apart', async () => {
    const { admit, intake } = opened(tokensOf({}))
    assert.deepEqual(verdictsOf(await admit(aRequest({ token: aCanaryToken }))), ['stored'])
    const { received, canary } = intake.books()
    assert.deepEqual([received, canary], [0, 1])
  })
})

describe('admission of invalid events', () => {
  const mixed = [anEvent({ index: 0 }), anEvent({ index: 2, uuid: undefined, refusal: 'no name' })]

  it('refuses them one by one and stores the good ones', async () => {
    const { admit } = opened()
    const outcomes = outcomesOf(await admit(aRequest({ events: mixed })))
    assert.deepEqual(
      outcomes.map(({ index, verdict, refusal }) => [index, verdict, refusal]),
      [
        [0, 'stored', undefined],
        [2, 'refused', 'no name'],
      ],
    )
    assert.equal(outcomes[1]?.lane, 'events_plugin_ingestion_dlq')
  })

  it('refuses the whole request of a strict project, by the place in what the client sent, and stores nothing', async () => {
    const { admit, intake } = opened(tokensOf({ phc_a: { ...known, answers: 'strict' } }))
    assert.deepEqual(await admit(aRequest({ events: mixed })), { kind: 'refused_whole', index: 2, reason: 'no name' })
    assert.equal(intake.books().received, 0)
    assert.deepEqual(verdictsOf(await admit(aRequest())), ['stored'])
  })
})

describe('admission of copies', () => {
  it('answers a retry with the first position and the same uuid, whatever else changed', async () => {
    const { admit } = opened()
    const [first] = outcomesOf(await admit(aRequest()))
    const again = aRequest({
      sentAtMs: 5,
      nowMs: Date.UTC(2026, 2, 11),
      events: [anEvent({ start: 1, distinctId: 'bob' })],
    })
    const [copy] = outcomesOf(await admit(again))
    assert.deepEqual({ ...copy }, { ...first, verdict: 'duplicate' })
    assert.equal(formatUuid(copy?.uuid ?? [0, 0, 0, 0]), aUuid)
  })

  it('tells events without a uuid by what they say, and gives each a uuid of its own', async () => {
    const { admit } = opened()
    const event = anEvent({ uuid: undefined, timestampText: '2026-03-10T12:00:00Z' })
    assert.deepEqual(verdictsOf(await admit(aRequest({ events: [event, { ...event, index: 1 }] }))), [
      'stored',
      'duplicate',
    ])
    const blank = anEvent({ uuid: undefined })
    const outcomes = outcomesOf(await admit(aRequest({ events: [blank, { ...blank, index: 1 }] })))
    assert.deepEqual(
      outcomes.map(({ verdict }) => verdict),
      ['stored', 'stored'],
    )
    const uuids = outcomes.map((outcome) => formatUuid(outcome.uuid))
    assert.equal(new Set(uuids).size, 2)
    for (const made of uuids) assert.match(made, /^[\da-f]{8}-[\da-f]{4}-7/)
  })

  it('never takes events of two projects for copies of each other', async () => {
    const { admit } = opened(tokensOf({ phc_a: known, phc_b: { ...known, projectId: 2 } }))
    assert.deepEqual(verdictsOf(await admit(aRequest())), ['stored'])
    assert.deepEqual(verdictsOf(await admit(aRequest({ token: 'phc_b' }))), ['stored'])
  })
})
