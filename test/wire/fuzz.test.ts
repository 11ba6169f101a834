/**
 * Damaged requests against the whole door, for SLUICE_TEST_FUZZ_SECONDS (8 when not set). What is damaged and how comes from
 * SLUICE_TEST_SEED, which is printed.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Telemetry } from '../../src/kit/telemetry/telemetry.ts'
import { silent } from '../../src/kit/telemetry/telemetry.ts'
import { seededChance } from '../harness/seed.ts'
import { answerIn, exchangeBytes, requestBytes } from './exchange.ts'
import { damaged, requestsOf } from './mutations.ts'
import { anEvent, json } from './row.ts'
import { rows } from './rows.ts'
import { openDoor } from './the-door.ts'
import type { Door } from './the-door.ts'
import { knownTokens } from './tokens.ts'

const fuzzMs = Number(process.env['SLUICE_TEST_FUZZ_SECONDS'] ?? 8) * 1000
const atOnce = 48
/**
 * Headers may take 200 ms and are looked at every second, a body may stall for 100 ms, and may wait for 8 s to be inflated. The rest
 * is for a busy machine.
 */
const connectionMsMax = 15_000
/**
 * What the process, the test itself included, may grow by: bodies that are read take 4 MiB at most, inflated ones 64 KiB each. After
 * 50,000 requests it is 215 MiB, nearly all of it heap that was not collected yet (26 MiB are in use).
 */
const growthBytesMax = 384 * 1024 * 1024
/**
 * What a 503 may be here: a question that only the core answers, which this door has not; and a body that is not inflated because too
 * many wait for it, it has waited too long, or another one of its address, which is everybody's here, turned out to be a bomb.
 */
const toComeAgain = /SLUICE_CORE_AWAY|^transient error, please retry$/

describe('the door under damaged requests', () => {
  let door: Door
  const failures: string[] = []
  const telemetry: Telemetry = {
    ...silent,
    count: (name, _count, labels) => {
      if (name === 'capture_requests_failed_total') failures.push(json(labels))
    },
    log: (level, message, fields) => {
      if (level === 'error') failures.push(`${message} ${json(fields)}`)
    },
  }

  before(async () => {
    door = await openDoor({
      telemetry,
      tokenAnswer: (token) => knownTokens[token] ?? { kind: 'unknown' },
      settings: {
        SLUICE_CAPTURE_BODY_BYTES_MAX: String(16 * 1024),
        SLUICE_CAPTURE_INFLATED_BYTES_MAX: String(64 * 1024),
        SLUICE_CAPTURE_RECORDING_BODY_BYTES_MAX: String(16 * 1024),
        SLUICE_CAPTURE_RECORDING_INFLATED_BYTES_MAX: String(64 * 1024),
        SLUICE_CAPTURE_V1_BODY_BYTES_MAX: String(16 * 1024),
        SLUICE_CAPTURE_V1_INFLATED_BYTES_MAX: String(64 * 1024),
        SLUICE_CAPTURE_EVENT_BYTES_MAX: String(16 * 1024),
        SLUICE_CAPTURE_READING_BYTES_MAX: String(4 * 1024 * 1024),
        SLUICE_CAPTURE_BODY_STALL_MS_MAX: '100',
        SLUICE_CAPTURE_HEADERS_TIMEOUT_MS: '200',
        SLUICE_CAPTURE_BODY_TIMEOUT_MS: '1000',
      },
    })
  })
  after(() => door.close())

  it('answers or ends every connection in time, never with a failure of its own, within its memory, and loses nothing', async () => {
    const chance = seededChance()
    const requests = requestsOf(rows)
    const acknowledged: string[] = []
    const statuses = new Map<number, number>()
    const startBytes = process.memoryUsage().rss
    let peakBytes = 0
    const untilMs = performance.now() + fuzzMs
    const attack = async (): Promise<void> => {
      while (performance.now() < untilMs) {
        const bytes = damaged(requests, chance)
        const middle = chance.between(0, bytes.length)
        const pieces = chance.next() < 0.5 ? [bytes] : [bytes.subarray(0, middle), bytes.subarray(middle)]
        const isHalfClosed = chance.next() < 0.7
        const { received, isOver } = await exchangeBytes(door, pieces, { timeoutMs: connectionMsMax, isHalfClosed })
        const sent = (): string => `after ${JSON.stringify(bytes.toString('latin1'))}`
        assert.ok(isOver, `the connection hangs ${sent()}`)
        const answer = answerIn(received)
        statuses.set(answer?.status ?? 0, (statuses.get(answer?.status ?? 0) ?? 0) + 1)
        if (answer !== undefined) {
          const isToComeAgain = answer.status === 503 && toComeAgain.test(answer.text)
          assert.ok(answer.status < 500 || isToComeAgain, `${String(answer.status)} ${answer.text} ${sent()}`)
          const receipt = answer.headers['sluice-receipt'] ?? ''
          acknowledged.push(...(receipt.match(/\w+\/\d+@\d+/g) ?? []))
        }
        peakBytes = Math.max(peakBytes, process.memoryUsage.rss())
      }
    }
    await Promise.all(Array.from({ length: atOnce }, attack))

    assert.deepEqual(failures, [])
    const grownMiB = Math.round((peakBytes - startBytes) / 1024 / 1024)
    const sentCount = Array.from(statuses.values()).reduce((sum, count) => sum + count, 0)
    process.stdout.write(
      `${String(sentCount)} requests, ${String(acknowledged.length)} positions, ${String(grownMiB)} MiB more; statuses ${json(Array.from(statuses).sort(([a], [b]) => a - b))}\n`,
    )
    assert.ok(peakBytes - startBytes < growthBytesMax, `the process grew by ${String(grownMiB)} MiB`)
    assert.ok(acknowledged.length > 0)

    const good = await exchangeBytes(door, [requestBytes({ body: json(anEvent()) })])
    const answer = answerIn(good.received)
    assert.equal(answer?.status, 200)
    acknowledged.push(...(answer.headers['sluice-receipt']?.match(/\w+\/\d+@\d+/g) ?? []))
    const records = await door.records()
    assert.deepEqual(
      acknowledged.filter((position) => !records.has(position)),
      [],
    )
  })
})
