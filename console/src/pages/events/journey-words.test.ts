import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { positionWords, toneOf, verdictWords } from './journey-words.ts'

describe('the words of a journey', () => {
  it('show a verdict in the tone it has', () => {
    assert.equal(toneOf('stored'), 'good')
    assert.equal(toneOf('inserted'), 'good')
    assert.equal(toneOf('dead_letter'), 'bad')
    assert.equal(toneOf('refused'), 'bad')
    assert.equal(toneOf('duplicate'), 'neutral')
    assert.equal(toneOf('waiting'), 'waiting')
    assert.equal(toneOf('replaced'), 'neutral')
    assert.equal(toneOf('missing'), 'bad')
    assert.equal(toneOf('row'), 'good')
    assert.equal(verdictWords('dead_letter'), 'dead letter')
  })

  it('say a position, with its incarnation where it has one', () => {
    assert.equal(positionWords({ incarnation: 3, partition: 9, offset: 12 }), 'partition 9, offset 12, incarnation 3')
    assert.equal(positionWords({ incarnation: null, partition: 9, offset: 12 }), 'partition 9, offset 12')
  })
})
