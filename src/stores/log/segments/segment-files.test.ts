import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { laneNumber } from '../../../event/position.ts'
import { createSimulatedFiles } from '../../../kit/simulated-files.ts'
import { draftFrame, Frame, frameHeadBytes, frameKinds, verdicts, writeEntry, writeEntryTexts } from './frame.ts'
import { advance, copyState, emptyState, encodePublished, publishedBytesMax, readPublished } from './segment-files.ts'
import type { JournalState } from './segment-files.ts'

function refusedFrame(reason: string): Frame {
  const textsBytes = Buffer.byteLength(reason)
  const draft = draftFrame({
    kind: frameKinds.records,
    entryCount: 1,
    headers: '',
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

/** As releases wrote it that had three lanes, all with as many partitions. */
function asThen(state: JournalState, magic: number, end: readonly Buffer[]): Buffer {
  const head = Buffer.from(encodePublished(published(state), Buffer.alloc(publishedBytesMax(2))).subarray(0, 80))
  const offsets = Buffer.alloc(3 * 2 * 8)
  for (const [lane, own] of state.next.slice(0, 3).entries())
    for (const partition of [0, 1]) offsets.writeDoubleLE(own[partition] ?? 0, (lane * 2 + partition) * 8)
  head.writeUInt32LE(magic, 0)
  head.writeUInt32LE(3, 12)
  const file = Buffer.concat([head, offsets, ...end])
  file.writeUInt32LE(crc32(file.subarray(8)), 4)
  return file
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

  it('come back with what met a limit and what was split off', async () => {
    const state = emptyState(2)
    Object.assign(state.counts, { quotaLimited: 4, rateLimited: 5, split: 6, reasons: { 'too long': 1 } })
    const buffer = Buffer.alloc(publishedBytesMax(2))
    assert.deepEqual(await readBack(encodePublished(published(state), buffer)), published(state))
  })

  it('come back with the offsets of all lanes, of which only those that hold something take room', async () => {
    const state = emptyState(2)
    const buffer = Buffer.alloc(publishedBytesMax(2))
    const empty = encodePublished(published(state), buffer).length
    state.next[laneNumber('events_plugin_ingestion')] = [7, 0]
    state.next[laneNumber('clickhouse_events')] = [...Array.from({ length: 11 }, () => 0), 2 ** 40]
    const bytes = encodePublished(published(state), buffer)
    assert.equal(bytes.length - empty, (1 + 12) * 8)
    assert.deepEqual(await readBack(bytes), published(state))
    assert.equal(await readBack(Buffer.from(bytes.subarray(0, bytes.length - 1))), undefined)
  })

  it('are read from what earlier releases wrote, who had three lanes of as many partitions', async () => {
    const state = emptyState(2)
    state.next[laneNumber('events_plugin_ingestion')] = [7, 8]
    state.next[laneNumber('clickhouse_events')]?.splice(0, 2, 9, 10)
    state.counts.refused = 7
    assert.deepEqual(await readBack(asThen(state, 0x31425550, [])), published(state))
    state.counts.reasons = { 'too late': 3 }
    const reasons = Buffer.from(JSON.stringify(state.counts.reasons))
    const length = Buffer.alloc(4)
    length.writeUInt32LE(reasons.length)
    assert.deepEqual(await readBack(asThen(state, 0x32425550, [length, reasons])), published(state))
    const then = [7, 8, 0, 0, 9, 10]
    const next = [then.slice(0, 2), then.slice(2, 4), then.slice(4)]
    assert.deepEqual(copyState({ ...state, next }), state)
  })

  it('are read from the head of a segment that counted less', () => {
    const { stored, duplicate, refused, canary } = emptyState(2).counts
    const old = { ...emptyState(2), counts: { stored, duplicate, refused, canary } } as unknown as JournalState
    assert.deepEqual(copyState(old), emptyState(2))
  })
})
