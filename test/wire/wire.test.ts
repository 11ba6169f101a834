/**
 * The wires as a table, v0 and v1: bytes in, answer and journal out. Each row names the section of the capture spec, or the
 * requirement, that it holds the door to. All requests are sent first, one after the other; then the journal is read once.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { partitionOf } from '../../src/event/murmur2.ts'
import type { LogRecord } from '../../src/stores/log/event-log.ts'
import type { TokenAnswer } from '../../src/stores/state/token-directory.ts'
import { answerIn, exchangeBytes, requestBytes } from './exchange.ts'
import type { Exchanged, Requested } from './exchange.ts'
import type { ExpectedRecord, Row } from './row.ts'
import { token as usualToken } from './row.ts'
import { rows } from './rows.ts'
import { openDoor, positionOf } from './the-door.ts'
import type { Door } from './the-door.ts'
import { knownTokens } from './tokens.ts'

const rowsMin = 250

function tokenAnswer(token: string): TokenAnswer {
  return knownTokens[token] ?? { kind: 'unknown' }
}

interface Result {
  readonly answer: Exchanged | undefined
  readonly kept: readonly LogRecord[]
}

describe(`the wires, in ${String(rows.length)} requests`, () => {
  let door: Door
  const results: Result[] = []

  before(async () => {
    door = await openDoor({
      tokenAnswer,
      settings: {
        SLUICE_CAPTURE_BODY_BYTES_MAX: String(64 * 1024),
        SLUICE_CAPTURE_INFLATED_BYTES_MAX: String(256 * 1024),
        SLUICE_CAPTURE_EVENT_BYTES_MAX: String(32 * 1024),
        SLUICE_CAPTURE_KEYS_PER_EVENT_MAX: '100',
        SLUICE_CAPTURE_KEYS_PER_REQUEST_MAX: '2000',
        SLUICE_CAPTURE_EVENTS_PER_REQUEST_MAX: '500',
        SLUICE_CAPTURE_DEPTH_MAX: '32',
        SLUICE_CAPTURE_BODY_STALL_MS_MAX: '50',
      },
    })
    const sent: { readonly answer: Exchanged | undefined; readonly positions: readonly string[] }[] = []
    const exchange = async (request: Requested | Buffer): Promise<Exchanged | undefined> => {
      const bytes = Buffer.isBuffer(request) ? request : requestBytes(request)
      return answerIn((await exchangeBytes(door, [bytes])).received)
    }
    for (const row of rows) {
      if (row.first !== undefined) await exchange(row.first)
      door.decided()
      const answer = await exchange(row.send)
      const positions = door
        .decided()
        .filter(({ verdict, offset }) => verdict !== 'duplicate' && offset >= 0)
        .map(({ lane, partition, offset }) => positionOf(lane, partition, offset))
      sent.push({ answer, positions })
    }
    const records = await door.records()
    for (const { answer, positions } of sent)
      results.push({ answer, kept: positions.flatMap((position) => records.get(position) ?? []) })
  })
  after(() => door.close())

  it('has at least 250 rows, and none twice', () => {
    assert.ok(rows.length >= rowsMin)
    const titles = rows.map(titleOf)
    assert.deepEqual(
      titles.filter((title, at) => titles.indexOf(title) !== at),
      [],
    )
  })

  for (const [at, row] of rows.entries()) {
    it(titleOf(row), () => {
      const { answer, kept } = results[at] ?? assert.fail('It was not sent.')
      assertAnswer(answer ?? assert.fail('There was no answer.'), row)
      const expected = row.kept ?? []
      assert.equal(kept.length, expected.length, `kept: ${kept.map(({ value }) => value.toString()).join('\n')}`)
      for (const [number, record] of kept.entries())
        assertRecord(record, expected[number] ?? assert.fail(), door.config.intake.partitionCount)
    })
  }
})

function titleOf({ section, promise }: Row): string {
  return `${section}: ${promise}`
}

function assertAnswer({ status, text, headers }: Exchanged, { answer }: Row): void {
  assert.equal(status, answer.status, text)
  if (answer.json !== undefined) assert.deepEqual(JSON.parse(text), answer.json)
  if (typeof answer.text === 'string') assert.equal(text, answer.text)
  else if (answer.text !== undefined) assert.match(text, answer.text)
  const type =
    answer.type ??
    (answer.json !== undefined
      ? 'application/json'
      : answer.text !== undefined && answer.text !== ''
        ? 'text/plain; charset=utf-8'
        : undefined)
  if (type !== undefined) assert.equal(headers['content-type'], type)
  assertHeaders(headers, answer.headers ?? {})
}

function assertHeaders(
  headers: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string | RegExp | undefined>>,
): void {
  for (const [name, value] of Object.entries(expected)) {
    if (value instanceof RegExp) assert.match(headers[name] ?? '', value, name)
    else assert.equal(headers[name], value, name)
  }
}

function assertRecord(
  { lane, position, headers, value }: LogRecord,
  expected: ExpectedRecord,
  partitions: number,
): void {
  const { token = usualToken, distinctId, key = `${token}:${distinctId}` } = expected
  assert.equal(lane, expected.lane ?? 'events_plugin_ingestion')
  assert.equal(headers['token'], token)
  assert.equal(headers['distinct_id'], distinctId)
  assert.equal(position.partition, partitionOf(key, partitions), `the partition is that of ${key}`)
  const { uuid = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/ } = expected
  assertHeaders(headers, { uuid, ...expected.headers })
  if (expected.event !== undefined) assert.deepEqual(JSON.parse(value.toString()), expected.event)
  if (expected.bytes !== undefined) assert.equal(value.toString(), expected.bytes)
}
