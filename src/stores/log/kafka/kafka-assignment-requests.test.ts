import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ResponseError, UnsupportedApiError } from '@platformatic/kafka'
import { groupFailure, isExpelled } from './kafka-assignment-requests.ts'

/** As the broker answers a heartbeat. */
const answered = (errorCode: number): Error => new ResponseError(68, 1, { '/': [errorCode, null] }, {})

describe('what a coordinator answers', () => {
  it('expels a member that it does not know, or whose epoch is over', () => {
    assert.deepEqual(
      [25, 110, 16, 14].map((code) => isExpelled(answered(code))),
      [true, true, false, false],
    )
  })

  it('is worth another try when another broker coordinates, or none yet', () => {
    for (const code of [14, 15, 16]) assert.equal(groupFailure(answered(code)).retryable, true)
  })

  it('ends the sharing when brokers do not assign, or do not let us into the group', () => {
    for (const error of [answered(35), new UnsupportedApiError('Unsupported API ConsumerGroupHeartbeat.')]) {
      const { code, retryable, message } = groupFailure(error)
      assert.deepEqual([code, retryable], ['SLUICE_KAFKA_TOO_OLD', false])
      assert.match(message, /Kafka 4\.0 or newer/)
    }
    assert.equal(groupFailure(answered(30)).code, 'SLUICE_LOG_DENIED')
  })
})
