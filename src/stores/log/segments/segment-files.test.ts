import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import { draftFrame, Frame, frameHeadBytes, frameKinds, verdicts, writeEntry, writeEntryTexts } from './frame.ts'
import { advance, copyState, emptyState, encodePublished, publishedBytesMax, readPublished } from './segment-files.ts'
import type { JournalState } from './segment-files.ts'

function refusedFrame(reason: string): Frame {
  const textsBytes = Buffer.byteLength(reason)
  const draft = draftFrame({
    kind: frameKinds.records,
    entryCount: 1,
    headers: Buffer.alloc(0),
    textsBytes,
    body: Buffer.alloc(0),
  })
  const entry = { lane: 1, verdict: verdicts.refused, flags: 0, partition: 0, offset: 0, start: 0, end: 0 }
  writeEntry(draft.head, draft.entriesAt, entry)
  writeEntryTexts(draft, draft.entriesAt, 0, '', reason)
  return new Frame(draft.head.subarray(frameHeadBytes))
}

async function readBack(bytes: Buffer) {
  const files = createSimulatedFiles(() => 0.5)
  await files.makeFolder('/j')
  const file = await files.open('/j/synced', 'create')
  await file.write([bytes], 0)
  return await readPublished(file)
}

const published = (state: JournalState) => ({ incarnation: 3, sequence: 5, bytes: 4096, state })

describe('the counters of a journal', () => {
  it('count what was refused by reason, whatever numbers are in it, in a bounded list', () => {
    const state = emptyState(1)
    advance(state, refusedFrame('event of 5 bytes, at most 4'))
    advance(state, refusedFrame('event of 6 bytes, at most 4'))
    assert.deepEqual(Object.entries(state.counts.reasons), [['event of … bytes, at most …', 2]])
    const name = (n: number): string => String.fromCharCode(97 + (n % 26)).repeat(1 + Math.floor(n / 26))
    for (let n = 0; n < 50; n++) advance(state, refusedFrame(name(n)))
    assert.equal(state.counts.refused, 52)
    assert.equal(Object.keys(state.counts.reasons).length, 33)
    assert.equal(state.counts.reasons['other'], 19)
  })

  it('come back as they were published, with the reasons', async () => {
    const state = emptyState(2)
    advance(state, refusedFrame('event is not an object'))
    const buffer = Buffer.alloc(publishedBytesMax(2))
    assert.deepEqual(await readBack(encodePublished(published(state), buffer)), published(state))
    advance(state, refusedFrame('leer 🎈'))
    const again = await readBack(encodePublished(published(state), buffer))
    assert.deepEqual(again?.state.counts.reasons, { 'event is not an object': 1, 'leer 🎈': 1 })
  })

  it('are read from what a release without reasons wrote', async () => {
    const state = emptyState(2)
    state.counts.refused = 7
    const now = encodePublished(published(state), Buffer.alloc(publishedBytesMax(2)))
    // The same up to the text of the reasons, under the magic number of then.
    const before = Buffer.from(now.subarray(0, now.length - 4 - '{}'.length))
    before.writeUInt32LE(0x31425550, 0)
    before.writeUInt32LE(crc32(before.subarray(8)), 4)
    assert.deepEqual(await readBack(before), published(state))
    const { reasons: _, ...counts } = state.counts
    const old = { ...state, counts } as unknown as JournalState
    assert.deepEqual(copyState(old).counts.reasons, {})
  })
})
