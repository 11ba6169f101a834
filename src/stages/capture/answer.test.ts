import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerFor } from './answer.ts'
import type { ReceiptEvent } from './receipt.ts'

const nothing = { isBeacon: false, wantsReceipts: false }
const beacon = { isBeacon: true, wantsReceipts: false }

function anEvent(verdict: ReceiptEvent['verdict'], limited?: ReceiptEvent['limited']): ReceiptEvent {
  return {
    index: 0,
    verdict,
    lane: 'events_plugin_ingestion',
    partition: limited === undefined ? 3 : -1,
    offset: limited === undefined ? 41 : -1,
    uuid: [0x0190c4a2, 0x00007000, 0x80000000, 1],
    refusal: undefined,
    ...(limited === undefined ? {} : { limited }),
  }
}

const overQuota = (resource: string, retryAfterMs = 1): ReceiptEvent =>
  anEvent('quota_limited', { resource, retryAfterMs })
const overRate = (retryAfterMs: number): ReceiptEvent => anEvent('rate_limited', { resource: 'events', retryAfterMs })
const told = (events: readonly ReceiptEvent[], wishes = nothing): readonly [number, string] => {
  const { status, body } = answerFor('sdk', events, wishes)
  return [status, body]
}

describe('an answer to an SDK', () => {
  it('is a success, whatever became of the events', () => {
    for (const verdict of ['stored', 'duplicate', 'refused', 'dropped', 'rate_limited'] as const)
      assert.deepEqual(told([anEvent(verdict)]), [200, '{"status":"Ok"}'])
    assert.deepEqual(told([anEvent('stored')], beacon), [204, ''])
  })

  it('names a quota only when all of it met that one, and SDKs know its name', () => {
    assert.deepEqual(told([overQuota('events'), overQuota('events')]), [
      200,
      '{"status":"Ok","quota_limited":["events"]}',
    ])
    assert.deepEqual(told([overQuota('recordings')]), [200, '{"status":"Ok","quota_limited":["recordings"]}'])
    for (const events of [
      [overQuota('events'), anEvent('stored')],
      [overQuota('events'), anEvent('duplicate')],
      [overQuota('events'), overQuota('recordings')],
      [overQuota('exceptions')],
      [overQuota('order completed')],
    ])
      assert.deepEqual(told(events), [200, '{"status":"Ok"}'])
  })

  it('tells a beacon of a quota, and of nothing else', () => {
    assert.deepEqual(told([overQuota('events')], beacon), [200, '{"status":"Ok","quota_limited":["events"]}'])
    assert.deepEqual(told([overQuota('exceptions')], beacon), [204, ''])
  })
})

describe('a strict answer', () => {
  it('is 409 for copies alone', () => {
    const { status, body, retryAfterSeconds } = answerFor(
      'strict',
      [anEvent('duplicate'), anEvent('duplicate')],
      beacon,
    )
    assert.equal(status, 409)
    assert.match(body, /^\{"status":"duplicate","receipts":\[\{.*\},\{.*\}\]\}$/)
    assert.equal(retryAfterSeconds, undefined)
    assert.equal(answerFor('strict', [anEvent('duplicate'), anEvent('stored')], nothing).status, 200)
    assert.equal(answerFor('strict', [], nothing).status, 200)
  })

  it('is 429 as soon as one event met a limit, with the longest time to wait in whole seconds', () => {
    const answer = answerFor('strict', [anEvent('duplicate'), overRate(10), overQuota('events', 2001)], nothing)
    assert.equal(answer.status, 429)
    assert.match(answer.body, /^\{"status":"rate_limited"/)
    assert.equal(answer.retryAfterSeconds, 3)
    assert.equal(answerFor('strict', [overRate(0)], nothing).retryAfterSeconds, 1)
  })
})
