import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createMemorySearch } from '../../stores/log/memory/memory-search.ts'
import { createListDeadLetters } from './dead-letters.ts'
import { acceptedMs, aDecision, anEntry, otherUuid, uuid } from './journey.fixtures.ts'

const { signal } = new AbortController()
const parked = (offset: number) =>
  aDecision(offset, {
    exception: { offset, kind: 'dead_letter', reason: 'not_json', step: 'parse', raw: 'phc_one_of_the_project {' },
  })
const search = createMemorySearch({
  entries: [
    anEntry(0, { verdict: 'refused', timeMs: acceptedMs + 50 }),
    anEntry(1, { verdict: 'refused', token: 'phc_of_others', uuid: otherUuid, timeMs: acceptedMs + 200 }),
    anEntry(5),
    anEntry(6, { token: 'phc_of_others' }),
  ],
  // The source of the third is gone.
  decisions: [parked(5), parked(6), parked(7)],
})
const list = createListDeadLetters({ search })

describe('dead letters', () => {
  it('are those of the door and of ingestion, newest first, without the project token', async () => {
    const { deadLetters, complete } = await list(10, ['phc_one_of_the_project'], signal)
    assert.equal(complete, true)
    assert.deepEqual(
      deadLetters.map(({ uuid: id, stage, step, reason, position, raw }) => [
        id,
        stage,
        step,
        reason,
        position.offset,
        raw,
      ]),
      [
        [uuid, 'ingestion', 'parse', 'not_json', 5, '*** {'],
        [uuid, 'door', 'capture', 'event is not an object', 0, '{"event":"e","token":"***"}'],
      ],
    )
  })

  it('are of all projects for the operator, also when nobody can say whose they are, and at most as many as wanted', async () => {
    const { deadLetters } = await list(10, undefined, signal)
    assert.equal(deadLetters.length, 5)
    assert.equal(deadLetters[0]?.uuid, otherUuid)
    assert.equal((await list(2, undefined, signal)).deadLetters.length, 2)
  })
})
