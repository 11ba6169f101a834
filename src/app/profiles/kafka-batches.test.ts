import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { configFrom } from '../config.ts'
import { kafkaBatches } from './kafka-batches.ts'

function batchesBy(environment: Readonly<Record<string, string>>) {
  const result = configFrom({ environment, file: undefined, workingFolder: '/' })
  return result.kind === 'config' ? kafkaBatches(result.config.kafka) : assert.fail(result.problems.join())
}

describe('the batches in which events leave the edge for Kafka', () => {
  it('are bounded by number, bytes and time', () => {
    const set = {
      KAFKA_PRODUCER_MAX_QUEUE_SIZE: '20',
      KAFKA_MAX_MESSAGE_BATCH_SIZE: '900000',
      KAFKA_FLUSH_FREQUENCY_MS: '500',
    }
    assert.deepEqual(batchesBy(set), { batchMessagesMax: 20, batchBytesMax: 900_000, flushMs: 500 })
  })

  it('hold one event each and wait for nothing in debug mode', () => {
    const { batchMessagesMax, flushMs } = batchesBy({ SLUICE_KAFKA_DEBUG: 'on', KAFKA_FLUSH_FREQUENCY_MS: '500' })
    assert.deepEqual([batchMessagesMax, flushMs], [1, 0])
  })
})
