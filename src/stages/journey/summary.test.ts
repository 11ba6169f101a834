import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Fate, JourneyStep, Occurrence } from './journey.ts'
import { summaryOf } from './summary.ts'

const atMs = Date.UTC(2026, 10, 21, 5, 55, 45, 463)
const aStep = (stage: JourneyStep['stage'], verdict: string, reason?: string): JourneyStep => ({
  ...{ stage, verdict, atMs, reason, detail: '' },
  ...{ lane: undefined, position: undefined, token: undefined },
})
const stored = aStep('door', 'stored')
const row = aStep('ingestion', 'row')
const inserted = aStep('warehouse', 'inserted')
const inTable = [stored, row, inserted, aStep('table', 'row')]
const searched = { fromMs: atMs - 60_000, throughMs: atMs, complete: true }

function summary(fate: Fate, ...steps: (readonly JourneyStep[])[]): string {
  const occurrences = steps.map((own, at): Occurrence => ({
    acceptedAtMs: atMs,
    fate: at === 0 ? fate : own[0]?.verdict === 'refused' ? 'refused' : 'duplicate',
    steps: own,
  }))
  return summaryOf({ uuid: '018f0000-0000-7000-8000-000000000000', fate, occurrences, searched })
}

describe('the summary of a journey', () => {
  it('says of each fate what a person wants to know', () => {
    const duplicate = aStep('door', 'duplicate')
    const copy = 'The event came as a copy of one that was accepted before, so it was not stored again'
    const cases: readonly (readonly [Fate, readonly JourneyStep[], string])[] = [
      ['in_table', inTable, 'The event was accepted and is in the table.'],
      [
        'waiting',
        [stored, aStep('ingestion', 'waiting')],
        'The event was accepted; it is safe on disk and waits for ingestion.',
      ],
      [
        'waiting',
        [stored, row, aStep('warehouse', 'waiting')],
        'The event was accepted; it is safe on disk and waits for the warehouse.',
      ],
      ['refused', [aStep('door', 'refused', 'no name')], 'The door refused the event: no name.'],
      ['duplicate', [duplicate], `${copy}.`],
      ['duplicate', [duplicate, ...inTable.slice(1)], `${copy}; the first copy is in the table.`],
      [
        'duplicate',
        [duplicate, aStep('ingestion', 'waiting')],
        `${copy}; the first copy is safe on disk and on its way.`,
      ],
      [
        'duplicate',
        [duplicate, aStep('ingestion', 'parked', 'not_json')],
        `${copy}; the first copy is kept as a dead letter.`,
      ],
      [
        'dropped',
        [stored, aStep('ingestion', 'dropped', 'bot')],
        'The event was accepted and left out by ingestion: bot.',
      ],
      [
        'parked',
        [stored, aStep('ingestion', 'parked', 'not_json')],
        'The event was accepted, but ingestion could not process it and keeps it as a dead letter: not_json.',
      ],
      [
        'damaged',
        [stored, aStep('ingestion', 'damaged')],
        'The event was accepted, but could not be read back from the log.',
      ],
      [
        'gone',
        [stored, row, inserted, aStep('table', 'expired')],
        'The event was accepted and stored; its project kept it until 21 November 2026 at 05:55:45 UTC, so it is gone.',
      ],
      [
        'gone',
        [stored, row, inserted, aStep('table', 'missing')],
        'The event was accepted and decided, but the table does not have it: run "sluice verify".',
      ],
    ]
    for (const [fate, steps, text] of cases) assert.equal(summary(fate, steps), text)
  })

  it('says how often it came again, and that it was also refused', () => {
    const copy = [aStep('door', 'duplicate')]
    assert.match(
      summary('in_table', inTable, copy),
      / It was sent once more; the copy was recognised and not stored\.$/,
    )
    assert.match(
      summary('in_table', inTable, copy, copy),
      / sent 2 times more; the copies were recognised and not stored\.$/,
    )
    assert.match(summary('in_table', inTable, [aStep('door', 'refused')]), / was also refused at the door\.$/)
  })

  it('has times as people write them, and only where the sentence needs them', () => {
    assert.equal(
      summary('unknown'),
      "Nothing is known of an event with this uuid: it is not in the table, and the door's journal, which goes from 21 November 2026 at 05:54:45 UTC to 21 November 2026 at 05:55:45 UTC, has no trace of it. The uuid says that it was made on 21 April 2024 at 09:32:31 UTC: what the journal held of that time was removed by retention.",
    )
  })
})
