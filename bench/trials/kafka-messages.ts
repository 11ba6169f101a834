/**
 * What does a source record cost as a message of Kafka? CPU of making the message (as it was sent, or written again as PostHog writes
 * it), of reading it back, and of encoding and decoding record batches with each compression. No broker: only our side.
 *
 *     node bench/trials/kafka-messages.ts
 *
 * The decision is docs/adr/0021.
 */
import { Reader, createRecordsBatch, readRecordsBatch } from '@platformatic/kafka'
import { sourceContent, sourceMessage } from '../../src/stores/log/kafka/source-message.ts'
import type { SourceRecord } from '../../src/stores/log/source-lanes.ts'
import { createEvents } from '../load/event-bodies.ts'

const seconds = 0.5
const rounds = 5
const make = createEvents(7)
const nowMs = Date.UTC(2026, 2, 10)

const records = Array.from({ length: 1_000 }, (_, n): SourceRecord => {
  const event = make(nowMs)
  const uuid = `0190a8c2-7a10-7c3e-9b1a-${String(n).padStart(12, '0')}`
  const headers = { token: 'phc_measured', distinct_id: `user-${String(n % 50)}`, ip: '203.0.113.7', uuid }
  return {
    lane: 'events_plugin_ingestion',
    partition: 0,
    headers: {
      ...headers,
      now: String(nowMs),
      sent_at: String(nowMs - 20),
      duplicate_key: '0123456789abcdef'.repeat(2),
    },
    value: Buffer.from(JSON.stringify(event)),
  }
})
// A key that readers may not see makes the event be written again.
const others = records.map((record) => ({
  ...record,
  value: Buffer.from(record.value.toString().replace('{', '{"team_id":1,')),
}))

/** CPU of one call, microseconds: the median of some rounds. */
function cost(act: () => void): number {
  act()
  const found = Array.from({ length: rounds }, () => {
    const start = process.cpuUsage()
    const endMs = performance.now() + seconds * 1000
    let calls = 0
    while (performance.now() < endMs) {
      act()
      calls++
    }
    const { user, system } = process.cpuUsage(start)
    return (user + system) / calls
  })
  return found.toSorted((a, b) => a - b)[rounds >> 1] ?? NaN
}

const each = (count: number, us: number): string => (us / count).toFixed(2)
const asSent = records.map((record) => sourceMessage(record, nowMs))
const again = others.map((record) => sourceMessage(record, nowMs))
const bytes = records.reduce((sum, { value }) => sum + value.length, 0) / records.length

console.log(`Events of ${String(Math.round(bytes))} bytes on average.\n`)
console.log('| `data` of the envelope | made, µs | read back, µs |')
console.log('|---|---|---|')
for (const [name, given, messages] of [
  ['as it was sent', records, asSent],
  ['written again, the bytes beside it', others, again],
] as const) {
  const made = cost(() => {
    for (const record of given) sourceMessage(record, nowMs)
  })
  const read = cost(() => {
    for (const message of messages) sourceContent(message)
  })
  console.log(`| ${name} | ${each(1000, made)} | ${each(1000, read)} |`)
}

console.log('\n| compression | messages a batch | bytes a message | encoded, µs a message | decoded, µs a message |')
console.log('|---|---|---|---|---|')
for (const count of [1, 10, 100, 1000]) {
  const messages = asSent.slice(0, count).map(({ key, value, headers }) => ({
    ...(key === undefined ? {} : { key }),
    value,
    headers: headers as Map<Buffer, Buffer>,
    topic: 't',
    partition: 0,
  }))
  for (const compression of ['none', 'lz4', 'snappy', 'zstd', 'gzip'] as const) {
    const batch = () => createRecordsBatch(messages, { compression }).buffer
    const whole = Buffer.from(batch())
    const encoded = cost(batch)
    const decoded = cost(() => readRecordsBatch(Reader.from(whole)))
    const row = [compression, count, Math.round(whole.length / count), each(count, encoded), each(count, decoded)]
    console.log(`| ${row.join(' | ')} |`)
  }
}
