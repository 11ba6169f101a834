import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createRecordsBatch, Reader, readRecordsBatches } from '@platformatic/kafka'
import type { MessageRecord, RecordsBatch } from '@platformatic/kafka'
import { aBatchHead } from '../../../event/derived-batch.fixtures.ts'
import { encodeDerivedBatch } from '../../../event/derived-batch.ts'
import { batchMessages, controlOf, markerMessage } from './derived-messages.ts'
import type { Message } from './kafka-requests.ts'

const head = aBatchHead({ epoch: 7, to: 2, rowCount: 2, acceptedFromMs: 1, acceptedToMs: 2 })

describe('messages of a derived batch', () => {
  const rows = ['', '{"a":1}\n', '{"a":1}\n{"b":"ü"}\n', '{"a":1}', '\n\n{"a":1}\n\n', '{"a":1}\n\n{"b":2}']
  for (const text of rows) {
    it(`come back as they were, with the rows ${JSON.stringify(text)}`, () => {
      const record = { headers: { n: 'ü' }, value: encodeDerivedBatch(head, Buffer.from(text)) }
      const control = controlOf(stored(batchMessages(record, { epoch: 7, previous: 12 })))
      assert.ok(control?.kind === 'batch')
      assert.deepEqual(
        { ...control, value: undefined },
        { ...control, epoch: 7, previous: 12, headers: { n: 'ü' }, value: undefined },
      )
      assert.deepEqual(control.value, record.value)
    })
  }

  it('have a row each, as its line, behind the head as JSON', () => {
    const record = { headers: {}, value: encodeDerivedBatch(head, Buffer.from('{"a":1}\n{"b":2}\n')) }
    const texts = batchMessages(record, { epoch: 1, previous: -1 }).map(({ value }) => value.toString())
    assert.deepEqual(texts, [JSON.stringify(head), '{"a":1}', '{"b":2}'])
  })

  it('are no batch when one of them is missing', () => {
    const record = { headers: {}, value: encodeDerivedBatch(head, Buffer.from('{"a":1}\n{"b":2}\n')) }
    const messages = batchMessages(record, { epoch: 1, previous: -1 })
    assert.equal(controlOf(stored(messages.slice(0, 2))), undefined)
    assert.equal(controlOf(stored(messages.slice(1))), undefined)
  })

  it('are not made of what is no derived batch', () => {
    for (const value of [Buffer.alloc(0), Buffer.from([1, 2]), Buffer.from([255, 0, 0, 0, 1])])
      assert.throws(() => batchMessages({ headers: {}, value }, { epoch: 1, previous: -1 }), RangeError)
  })

  it('are told from a marker', () => {
    assert.deepEqual(controlOf(stored([markerMessage(3)])), { kind: 'marker', offset: 0, epoch: 3 })
  })
})

/** As a broker stores them and gives them back. */
function stored(messages: readonly Message[]): RecordsBatch {
  const records = messages.map((message) => ({ ...message, topic: 't', partition: 0 }) as MessageRecord)
  const [batch] = readRecordsBatches(Reader.from(createRecordsBatch(records).buffer))
  assert.ok(batch !== undefined)
  return batch
}
