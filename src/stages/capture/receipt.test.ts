import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { receiptHeader, receiptList, verdictsHeader } from './receipt.ts'
import type { ReceiptEvent } from './receipt.ts'

function anEvent(own: Partial<ReceiptEvent> = {}): ReceiptEvent {
  return {
    index: 0,
    verdict: 'stored',
    lane: 'events_plugin_ingestion',
    partition: 3,
    offset: 41,
    uuid: [0x0190c4a2, 0x00007000, 0x80000000, 1],
    refusal: undefined,
    ...own,
  }
}

const refused = anEvent({
  index: 1,
  verdict: 'refused',
  lane: 'events_plugin_ingestion_dlq',
  offset: 0,
  refusal: 'no name',
})

describe('a receipt', () => {
  it('names the position of a single event', () => {
    assert.equal(receiptHeader('fsync', [anEvent()]), 'fsync; n=1; events_plugin_ingestion/3@41')
    assert.equal(
      receiptHeader('fsync', [anEvent({ verdict: 'duplicate' }), refused]),
      'fsync; n=1; events_plugin_ingestion/3@41',
    )
  })

  it('names the first and last position of several events, refused ones left out', () => {
    const last = anEvent({ partition: 0, offset: 7 })
    assert.equal(
      receiptHeader('quorum', [refused, anEvent(), anEvent({ offset: 42 }), last, refused]),
      'quorum; n=3; events_plugin_ingestion/3@41..events_plugin_ingestion/0@7',
    )
  })

  it('names no position when nothing was stored', () => {
    assert.equal(receiptHeader('fsync', [refused]), 'fsync; n=0')
    assert.equal(receiptHeader('fsync', []), 'fsync; n=0')
  })

  it('has at most 512 bytes, however large the numbers', () => {
    const largest = anEvent({ partition: 65_535, offset: Number.MAX_SAFE_INTEGER })
    assert.ok(
      Buffer.byteLength(
        receiptHeader(
          'buffered',
          Array.from({ length: 100_000 }, () => largest),
        ),
      ) <= 512,
    )
  })
})

describe('the verdicts of a request', () => {
  it('are counted, those that did not happen left out', () => {
    const copy = anEvent({ verdict: 'duplicate' })
    assert.equal(verdictsHeader([anEvent(), anEvent()]), 'stored=2')
    assert.equal(verdictsHeader([anEvent(), copy, copy, refused]), 'stored=1, duplicate=2, refused=1')
    assert.equal(verdictsHeader([copy]), 'stored=0, duplicate=1')
  })
})

describe('the list of receipts', () => {
  it('has uuid, verdict and position by the place in what the client sent, and why one was refused', () => {
    assert.deepEqual(receiptList([anEvent(), { ...refused, index: 4 }]), [
      {
        index: 0,
        uuid: '0190c4a2-0000-7000-8000-000000000001',
        verdict: 'stored',
        position: 'events_plugin_ingestion/3@41',
      },
      {
        index: 4,
        uuid: '0190c4a2-0000-7000-8000-000000000001',
        verdict: 'refused',
        position: 'events_plugin_ingestion_dlq/3@0',
        reason: 'no name',
      },
    ])
  })
})
