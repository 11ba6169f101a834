/** What becomes of requests when Redis is killed, frozen or emptied, or the log fails, and when two doors share one Redis. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import type { UuidWords } from '../../../event/uuid.ts'
import { Failure } from '../../../kit/failure.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { until } from '../../../kit/until.fixtures.ts'
import { openTestRedis, redisServerSkip } from '../../coordination/redis/redis-server.fixtures.ts'
import type { TestRedis } from '../../coordination/redis/redis-server.fixtures.ts'
import type { AppliedLimit, IntakeEvent, IntakeRequest, Outcome } from '../intake.ts'
import { openClusterIntake } from './cluster-intake.ts'
import type { ClusterIntake, ClusterIntakeOptions } from './cluster-intake.ts'
import { appendFailure, testLanes } from './source-lanes.fixtures.ts'
import type { TestLanes } from './source-lanes.fixtures.ts'

const quota = {
  kind: 'quota' as const,
  key: 'quota:{phc_a}:@events',
  max: 1000,
  expiresAtMs: Date.now() + 3_600_000,
}
const rate = { kind: 'rate' as const, key: 'rate:{phc_a}:@events', perSecond: 0.001, burst: 5000 }

function anEvent(n: number): IntakeEvent {
  const uuid: UuidWords = [n, 2, 3, 4]
  const distinctId = `user-${String(n % 97)}`
  return {
    start: 0,
    end: 2,
    uuid,
    distinctId,
    lane: 'events_plugin_ingestion',
    partitionKey: `phc_a:${distinctId}`,
    duplicateKey: [n, 7, 8, 9],
    limits: [0, 1],
  }
}

function aRequest(numbers: readonly number[], limits: readonly AppliedLimit[] = [quota, rate]): IntakeRequest {
  const events = numbers.map(anEvent)
  const body = Buffer.from('{}')
  return {
    body,
    token: 'phc_a',
    ip: '127.0.0.1',
    nowMs: Date.now(),
    sentAtMs: undefined,
    isCanary: false,
    events,
    limits,
  }
}

async function testRedis(t: TestContext, settings: readonly string[] = []): Promise<TestRedis> {
  const redis = await openTestRedis(settings)
  t.after(() => redis.close())
  return redis
}

async function opened(
  t: TestContext,
  redis: TestRedis,
  lanes: TestLanes,
  own: Partial<ClusterIntakeOptions> & { readonly commandTimeoutMs?: number } = {},
): Promise<ClusterIntake> {
  const { commandTimeoutMs = 5000, ...options } = own
  const intake = await openClusterIntake({
    lanes,
    redis: redis.connection({ commandTimeoutMs }),
    whenAway: 'closed',
    duplicateWindowMs: 3_600_000,
    limitKeysMax: 100,
    queueBytesMax: 64 * 1024 * 1024,
    owedKeysMax: 100_000,
    telemetry: silent,
    ...options,
  })
  t.after(() => intake.close())
  return intake
}

function countOf(outcomes: readonly Outcome[], verdict: Outcome['verdict']): number {
  return outcomes.filter((outcome) => outcome.verdict === verdict).length
}

/** Numbers of the events in the log, as often as they are there. */
function numbersIn(lanes: TestLanes): Map<number, number> {
  const numbers = new Map<number, number>()
  for (const { headers } of lanes.appended) {
    const n = Number.parseInt((headers['uuid'] ?? '').slice(0, 8), 16)
    numbers.set(n, (numbers.get(n) ?? 0) + 1)
  }
  return numbers
}

async function usedOf(intake: ClusterIntake, key: string): Promise<number> {
  return (await intake.limitUses(key)).find((use) => use.key === key)?.used ?? 0
}

function isRetryable(error: unknown): error is Failure {
  return error instanceof Failure && error.retryable
}

/**
 * Sends at least so many requests of three events from eight senders, each until it is answered, and goes on while `fault` does what
 * it does. Returns who was acknowledged, and how often a request failed.
 */
async function run(
  intake: ClusterIntake,
  requests: number,
  fault: (answered: () => number, failed: () => number) => Promise<void>,
): Promise<{ acknowledged: ReadonlySet<number>; failures: readonly Failure[] }> {
  const acknowledged = new Set<number>()
  const failures: Failure[] = []
  let next = 0
  let isOver = false
  const sender = async (): Promise<void> => {
    for (let at = next++; at < requests || !isOver; at = next++) {
      const numbers = [at * 3, at * 3 + 1, at * 3 + 2]
      for (let isAnswered = false; !isAnswered;) {
        try {
          const outcomes = await intake.submit(
            aRequest(numbers, [
              { ...quota, max: 1e9 },
              { ...rate, burst: 1e9 },
            ]),
          )
          assert.equal(countOf(outcomes, 'stored') + countOf(outcomes, 'duplicate'), 3)
          for (const n of numbers) acknowledged.add(n)
          isAnswered = true
        } catch (error) {
          if (!isRetryable(error)) throw error
          failures.push(error)
          await new Promise((resolve) => setTimeout(resolve, 5))
        }
      }
    }
  }
  const ended = Promise.all(Array.from({ length: 8 }, sender))
  await fault(
    () => acknowledged.size,
    () => failures.length,
  )
  isOver = true
  await ended
  return { acknowledged, failures }
}

describe('two doors on one Redis', { skip: redisServerSkip() }, () => {
  it('let exactly as many events in as a quota has, together', async (t) => {
    const redis = await testRedis(t)
    const doors = await Promise.all([opened(t, redis, testLanes()), opened(t, redis, testLanes())])
    const answers = await Promise.all(
      Array.from({ length: 2000 }, (_, n) => doors[n % 2]?.submit(aRequest([n])) ?? Promise.resolve([])),
    )
    const outcomes = answers.flat()
    assert.equal(countOf(outcomes, 'stored'), 1000)
    assert.equal(countOf(outcomes, 'quota_limited'), 1000)
    for (const door of doors) assert.equal(await usedOf(door, quota.key), 1000)
  })

  it('know what the other has stored, with its position', async (t) => {
    const redis = await testRedis(t)
    const [one, other] = await Promise.all([opened(t, redis, testLanes()), opened(t, redis, testLanes())])
    const [first] = await one.submit(aRequest([7]))
    const [copy] = await other.submit(aRequest([7]))
    assert.deepEqual([copy?.verdict, copy?.partition, copy?.offset], ['duplicate', first?.partition, first?.offset])
  })

  it('may both append two copies that come at once, and say so', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const doors = await Promise.all([opened(t, redis, lanes), opened(t, redis, lanes)])
    const both = Promise.withResolvers<undefined>()
    let waiting = 0
    lanes.before = async () => {
      if (++waiting === 2) both.resolve(undefined)
      await both.promise
    }
    const answers = await Promise.all(doors.map((door) => door.submit(aRequest([7]))))
    assert.equal(countOf(answers.flat(), 'stored'), 2)
    assert.equal(
      doors.reduce((sum, door) => sum + door.health().copiesAppended, 0),
      1,
    )
  })
})

describe('a log that fails under the cluster intake', { skip: redisServerSkip() }, () => {
  it('leaves no key and no debit of the request behind', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes)
    await intake.submit(aRequest([1, 2]))
    lanes.before = () => Promise.reject(appendFailure())
    await assert.rejects(intake.submit(aRequest([3, 4, 1])), isRetryable)
    assert.equal(await usedOf(intake, quota.key), 2)
    lanes.before = () => Promise.resolve()
    const outcomes = await intake.submit(aRequest([3, 4, 1]))
    assert.deepEqual([countOf(outcomes, 'stored'), countOf(outcomes, 'duplicate')], [2, 1])
    assert.equal(await usedOf(intake, quota.key), 4)
  })

  it('fails the request with the copy when it fails the one with the first', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes)
    const gate = Promise.withResolvers<undefined>()
    lanes.before = () => gate.promise
    const both = Promise.allSettled([intake.submit(aRequest([1])), intake.submit(aRequest([1, 2]))])
    await until('both are decided', async () => (await usedOf(intake, quota.key)) === 2)
    gate.reject(appendFailure())
    for (const { status } of await both) assert.equal(status, 'rejected')
    assert.equal(lanes.appended.length, 0)
    assert.equal(await usedOf(intake, quota.key), 0)
  })
})

describe('the cluster intake while Redis fails', { skip: redisServerSkip() }, () => {
  it('loses nothing that it acknowledged when Redis is emptied during a run', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes)
    const admin = redis.connection()
    const { acknowledged } = await run(intake, 600, async (answered) => {
      for (const some of [300, 900, 1500]) {
        await until('some are answered', () => answered() >= some)
        await admin.command('FLUSHALL')
      }
    })
    const numbers = numbersIn(lanes)
    for (const n of acknowledged) assert.ok(numbers.has(n), String(n))
    assert.ok(acknowledged.size >= 1800)
    // Sent again, what was forgotten enters again: beside its first copy, under the key by which the owner of the partition finds it.
    await run(intake, 100, () => Promise.resolve())
    const partitions = new Map<string | undefined, number>()
    for (const { headers, partition } of lanes.appended) {
      const key = headers['duplicate_key']
      assert.equal(partitions.get(key) ?? partition, partition)
      partitions.set(key, partition)
    }
    assert.equal(partitions.size, acknowledged.size)
    const copies = lanes.appended.length - partitions.size
    assert.ok(copies > 0 && copies <= 300)
    t.diagnostic(`${String(copies)} copies entered`)
  })

  it('takes events unchecked while Redis is gone, says so, and tells it later, when it is to be open', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes, { whenAway: 'open' })
    const { acknowledged, failures } = await run(intake, 600, async (answered) => {
      await until('some are answered', () => answered() >= 300)
      await redis.kill()
      await until('some enter unchecked', () => intake.health().unchecked >= 300)
      await redis.start()
      await until('Redis answers', () => intake.health().redis.state === 'ready')
    })
    const numbers = numbersIn(lanes)
    assert.equal(failures.length, 0)
    assert.ok(acknowledged.size >= 1800)
    for (const n of acknowledged) assert.ok(numbers.has(n), String(n))
    await until('nothing is owed', () => intake.health().owedKeys === 0)
    const [known] = await intake.submit(aRequest([1799]))
    assert.equal(known?.verdict, 'duplicate')
    assert.equal(intake.health().awaySinceMs, undefined)
    assert.equal(intake.books().unchecked, intake.health().unchecked)
    t.diagnostic(
      `${String(intake.health().unchecked)} events unchecked, ${String(lanes.appended.length - numbers.size)} copies`,
    )
  })

  it('lets nothing in by a quota of none while Redis is gone, also when it is to be open', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes, { whenAway: 'open' })
    await redis.kill()
    const asked = aRequest([1, 2, 1], [{ ...quota, max: 0 }, rate])
    const limited = { verdict: 'quota_limited', lane: 'events_plugin_ingestion', partition: -1, offset: -1, limit: 0 }
    const retryAfterMs = quota.expiresAtMs - asked.nowMs
    assert.deepEqual(
      await intake.submit(asked),
      Array.from({ length: 3 }, () => ({ ...limited, retryAfterMs })),
    )
    const free = asked.events.map((event, at) => (at === 1 ? event : { ...event, limits: [] }))
    const some = await intake.submit({ ...asked, events: free })
    assert.deepEqual(
      some.map(({ verdict }) => verdict),
      ['stored', 'quota_limited', 'duplicate'],
    )
    const whole = await intake.submit({ ...aRequest([3, 4], asked.limits), isAllOrNothing: true })
    assert.equal(countOf(whole, 'quota_limited'), 2)
    const { quotaLimited, unchecked } = intake.books()
    assert.deepEqual([quotaLimited, unchecked, lanes.appended.length], [6, 1, 1])
  })

  it('says since when the log stores nothing, until it does again or nobody tries any more', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    let nowMs = 1_000_000
    const intake = await opened(t, redis, lanes, { now: () => nowMs })
    const { before } = lanes
    lanes.before = () => Promise.reject(appendFailure())
    await assert.rejects(intake.submit(aRequest([1])), isRetryable)
    nowMs += 60_000
    assert.equal(intake.health().log, undefined, 'who is never ready again is sent nothing, and hears of nothing')
    await assert.rejects(intake.submit(aRequest([2])), isRetryable)
    assert.match(intake.health().log?.reason ?? '', /did not confirm/)
    assert.equal(intake.health().log?.sinceMs, 1_000_000)
    lanes.before = before
    await intake.submit(aRequest([1]))
    assert.equal(intake.health().log, undefined)
  })

  it('asks no room for a quota of none among the keys that are counted', async (t) => {
    const redis = await testRedis(t)
    const intake = await opened(t, redis, testLanes(), { limitKeysMax: 2 })
    await intake.submit(aRequest([1]))
    const [met] = await intake.submit(aRequest([2], [{ ...quota, key: 'quota:{phc_a}:other', max: 0 }, rate]))
    assert.equal(met?.verdict, 'quota_limited')
  })

  it('refuses requests while Redis is gone, and goes on with it, when it is to be closed', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes)
    const { acknowledged } = await run(intake, 600, async (answered, failed) => {
      await until('some are answered', () => answered() >= 300)
      await redis.kill()
      await assert.rejects(
        intake.submit(aRequest([1_000_000])),
        (error) => isRetryable(error) && error.code === 'SLUICE_REDIS_AWAY',
      )
      assert.equal(typeof intake.health().awaySinceMs, 'number')
      await until('requests of the run fail', () => failed() > 0)
      await redis.start()
    })
    const numbers = numbersIn(lanes)
    assert.ok(acknowledged.size >= 1800)
    for (const n of acknowledged) assert.ok(numbers.has(n), String(n))
    assert.equal(intake.health().unchecked, 0)
  })

  it('knows that Redis is back also when nobody sends anything', async (t) => {
    const redis = await testRedis(t)
    const intake = await opened(t, redis, testLanes())
    await redis.kill()
    await assert.rejects(intake.submit(aRequest([1])), isRetryable)
    assert.equal(typeof intake.health().awaySinceMs, 'number')
    await redis.start()
    await until('it is noticed', () => intake.health().awaySinceMs === undefined)
  })

  it('forgets no quota over a kill when Redis writes all down, and debits nothing twice', async (t) => {
    const redis = await testRedis(t, ['--appendonly', 'yes', '--appendfsync', 'always'])
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes)
    await run(intake, 400, async (answered) => {
      await until('some are answered', () => answered() >= 600)
      await redis.kill()
      await redis.start()
    })
    await until('nothing is owed', () => intake.health().owedKeys === 0)
    assert.equal(await usedOf(intake, quota.key), lanes.appended.length)
  })

  it('gives back what was debited although no answer came', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes, { commandTimeoutMs: 200 })
    await intake.submit(aRequest([1]))
    const thaw = redis.freeze()
    await assert.rejects(intake.submit(aRequest([2, 3])), isRetryable)
    await assert.rejects(intake.submit(aRequest([4])), isRetryable)
    assert.ok(intake.health().owedKeys > 0)
    thaw()
    await until('nothing is owed', () => intake.health().owedKeys === 0)
    assert.equal(await usedOf(intake, quota.key), 1)
    assert.equal(countOf(await intake.submit(aRequest([2, 3])), 'stored'), 2)
  })

  it('keeps what it owes to Redis within its bound, and counts what it forgets', async (t) => {
    const redis = await testRedis(t)
    const lanes = testLanes()
    const intake = await opened(t, redis, lanes, { whenAway: 'open', owedKeysMax: 20 })
    await redis.kill()
    for (let n = 0; n < 50; n++) await intake.submit(aRequest([n]))
    const { owedKeys, owedForgotten } = intake.health()
    assert.ok(owedKeys <= 20)
    assert.ok(owedForgotten > 0)
    assert.equal(lanes.appended.length, 50)
    assert.equal(countOf(await intake.submit(aRequest([49])), 'duplicate'), 1, 'it remembers what it owes')
  })
})
