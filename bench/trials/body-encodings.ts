/**
 * What does it cost and save to keep bodies compressed in the journal? CPU of drafting and finishing a frame (the edge's share) and of
 * looking at it and reading each event's bytes (the core's), and the bytes that the frame takes. No disk: writing costs more the
 * larger a frame is, so compression looks a little worse here than it is.
 *
 *     node bench/trials/body-encodings.ts
 *
 * The decision is docs/adr/0018.
 */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { seededRandom } from '../../src/kit/seeded-random.ts'
import {
  draftBytes,
  draftFrame,
  entryBytes,
  finishFrame,
  frameKinds,
  lookAtFrame,
  writeEntry,
} from '../../src/stores/log/segments/frame.ts'
import type { BodyEncoding } from '../../src/stores/log/segments/frame.ts'
import { createEvents } from '../load/event-bodies.ts'

const seconds = 0.7
const salt = 5
const random = seededRandom(7)
const words = [
  'checkout',
  'error',
  'at',
  'line',
  'Object.<anonymous>',
  'undefined',
  'https://shop.example/',
  'React',
  '\n',
  '42',
]
const text = (bytes: number): string => {
  let value = ''
  while (value.length < bytes) value += `${words[Math.floor(random() * words.length)] ?? ''} `
  return value.slice(0, bytes)
}

const make = createEvents(7)
const events = (count: number, valueBytes: number) =>
  Array.from({ length: count }, () => {
    const event = make(Date.UTC(2026, 2, 10))
    return valueBytes === 0 ? event : { ...event, properties: { ...event.properties, stack: text(valueBytes) } }
  })

const requests = [
  { name: '1 event', events: events(1, 0) },
  { name: '1 event, a value of 1.5 KB', events: events(1, 1500) },
  { name: '1 event, a value of 8 KB', events: events(1, 8000) },
  { name: '1 event, a value of 100 KB', events: events(1, 100_000) },
  { name: 'batch of 10', events: events(10, 0) },
  { name: 'batch of 50', events: events(50, 0) },
  { name: 'batch of 50, values of 1.5 KB', events: events(50, 1500) },
]
const zstdLevel1 = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

console.log('| request | text | kept as | bytes in the log | edge, µs an event | core, µs an event |')
console.log('|---|---|---|---|---|---|')
for (const { name, events: sent } of requests) {
  const body = Buffer.from(JSON.stringify(sent))
  const wire = gzipSync(body)
  const ways: readonly (readonly [string, BodyEncoding, () => Buffer])[] = [
    ['as it is', 'plain', () => body],
    ['gzip, as it was sent', 'gzip', () => wire],
    ['zstd level 1', 'zstd', () => zstdCompressSync(body, zstdLevel1)],
  ]
  for (const [way, encoding, kept] of ways) {
    const write = () => frameOf(sent.length, kept(), encoding, body.length)
    const bytes = Buffer.concat(write())
    const edgeUs = cpuUs(write) / sent.length
    const coreUs = cpuUs(() => readAll(bytes)) / sent.length
    console.log(
      `| ${name} | ${String(body.length)} | ${way} | ${String(bytes.length)} | ${edgeUs.toFixed(2)} | ${coreUs.toFixed(2)} |`,
    )
  }
}

function frameOf(entryCount: number, body: Buffer, bodyEncoding: BodyEncoding, textBytes: number): Uint8Array[] {
  const headers = '{"token":"phc_a","ip":"203.0.113.7","now":"1773100000000"}'
  const draft = draftFrame({ kind: frameKinds.records, entryCount, headers, textsBytes: 0, body, bodyEncoding })
  for (let entry = 0; entry < entryCount; entry++) {
    const at = draft.entriesAt + entry * entryBytes
    const end = Math.floor(((entry + 1) * textBytes) / entryCount)
    const start = Math.floor((entry * textBytes) / entryCount)
    writeEntry(draft.head, at, { lane: 0, verdict: 0, flags: 0, partition: 1, offset: entry, start, end })
  }
  if (draftBytes(draft) === 0) throw new Error('A frame has bytes.')
  const buffers: Uint8Array[] = []
  finishFrame(draft, 1000, salt, buffers)
  return buffers
}

function readAll(bytes: Buffer): number {
  const look = lookAtFrame(bytes, 0, salt)
  if (look.kind !== 'whole') throw new Error('The frame is not whole.')
  let sum = 0
  for (let entry = 0; entry < look.frame.entryCount; entry++) sum += look.frame.value(entry).length
  return sum
}

/** Of this process and all its threads, per call; the median of five rounds. */
function cpuUs(act: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round < 6; round++) {
    const before = process.cpuUsage()
    const endMs = performance.now() + (seconds * 1000) / 5
    let calls = 0
    while (performance.now() < endMs) {
      for (let i = 0; i < 10; i++) act()
      calls += 10
    }
    const { user, system } = process.cpuUsage(before)
    if (round > 0) rounds.push((user + system) / calls)
  }
  return rounds.sort((a, b) => a - b)[2] ?? NaN
}
