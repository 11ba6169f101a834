import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { emptyBooks } from '../../event/derived-batch.ts'
import { flows, sourceAt } from '../../event/flows.ts'
import { codeOf, Failure } from '../../kit/failure.ts'
import { seededRandom } from '../../kit/seeded-random.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import { until } from '../../kit/until.fixtures.ts'
import type { EventLog } from '../../stores/log/event-log.ts'
import { createMemoryLog } from '../../stores/log/memory/memory-log.ts'
import { createDerive } from './derive.ts'
import { createIngestion } from './ingestion.ts'
import { canaryToken, nowMs, projectsInMemory } from './ingestion.fixtures.ts'
import {
  allOfThem,
  assertWhole,
  booksOf,
  config,
  decided,
  decidedTo,
  derive,
  disturbed,
  partitionCount,
  put,
  sourceEnds,
  start,
} from './running-ingestion.fixtures.ts'

describe('ingestion', () => {
  it('decides what is there and what comes, range after range without a gap', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 40, 0)
    put(log, 7, 2)
    const running = start(log)
    await decided(log, running)
    put(log, 25, 0)
    put(log, 3, 1, { token: canaryToken })
    await decided(log, running)
    await running.stop()
    await assertWhole(log, [65, 3, 7])
    assert.deepEqual((await decidedTo(running)).slice(0, 4), [65, 3, 7, 0])
    assert.deepEqual(await booksOf(running), { ...emptyBooks, in: 72, out: 72, canary: 3 })
  })

  it('shows who looks on each derived batch, once it is durable, in order', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 20)
    put(log, 5, 1)
    const shown: string[] = []
    const running = start(log, {
      decided: (batches) => shown.push(...batches.map(({ value }) => value.toString())),
    })
    await decided(log, running)
    await running.stop()
    const stopping = new AbortController()
    const durable: string[] = []
    for await (const records of log.read([{ lane: 'clickhouse_events', from: [] }], {
      signal: stopping.signal,
      batchBytesMax: 1e6,
    })) {
      durable.push(...records.map(({ value }) => value.toString()))
      if (durable.length >= shown.length) stopping.abort()
    }
    assert.deepEqual(shown.toSorted(), durable.toSorted())
    assert.equal(shown.length, 2)
  })

  it('makes a new owner resume after the last whole batch, repeat nothing and go on with the books', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 30)
    const first = start(log)
    await decided(log, first)
    await first.stop()
    put(log, 12)
    const second = start(log)
    await decided(log, second)
    await second.stop()
    const [partition] = await assertWhole(log, [42, 0, 0])
    assert.ok((partition?.heads.at(-1)?.epoch ?? 0) > (partition?.heads[0]?.epoch ?? 0))
    assert.equal((await booksOf(second)).out, 42)
  })

  it('decides the events of all lanes of its flow, each lane’s partitions apart, and no others', async () => {
    const log = createMemoryLog(partitionCount)
    for (const [at, lane] of flows.events.sources.entries()) put(log, 10 + at, at % partitionCount, {}, lane)
    put(log, 5, 0, {}, 'heatmaps_ingestion')
    const running = start(log)
    await decided(log, running)
    put(log, 4, 1, {}, 'exceptions')
    await decided(log, running)
    await running.stop()
    const ends = await sourceEnds(log)
    const partitions = await assertWhole(log, ends)
    assert.equal((await booksOf(running)).in, 10 + 11 + 12 + 13 + 14 + 15 + 4)
    for (const [index, { rows }] of partitions.entries()) {
      assert.ok(rows.every((row) => row._partition === index))
      const { lane, partition } = sourceAt(flows.events, index, partitionCount)
      assert.equal(rows.length, (await log.bounds(lane))[partition]?.end)
    }
  })

  it('decides what is urgent before what may wait, and that before all of the urgent', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 300)
    put(log, 300, 0, {}, 'historical_events')
    const shown: number[] = []
    const running = start(log, { decided: (batches) => shown.push(...batches.map(({ partition }) => partition)) })
    await decided(log, running)
    await running.stop()
    await assertWhole(log, await sourceEnds(log))
    const patient = shown.indexOf(partitionCount)
    assert.ok(patient > 0 && patient <= 4)
    // Four urgent batches to a patient one, until no urgent ones are left.
    assert.ok(shown.lastIndexOf(0) < shown.lastIndexOf(partitionCount))
    assert.ok(shown.slice(patient, patient + 10).includes(0))
  })

  it('resumes each lane where it stood, also where an earlier release decided of the main lane alone', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 30)
    const first = start(log)
    await decided(log, first)
    await first.stop()
    put(log, 12)
    put(log, 8, 1, {}, 'historical_events')
    put(log, 5, 2, {}, 'client_warnings')
    for (let life = 0; life < 3; life++) {
      const next = start(log)
      await decided(log, next)
      await next.stop()
      put(log, 3, 1, {}, 'historical_events')
    }
    const last = start(log)
    await decided(log, last)
    await last.stop()
    await assertWhole(log, await sourceEnds(log))
    assert.equal((await booksOf(last)).out, 30 + 12 + 8 + 5 + 9)
  })

  it('renews the newest batch of a lane that stands still, so that the log need not keep what is older', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 5)
    put(log, 8, 1, {}, 'historical_events')
    const running = start(log, { renewAfterMs: 20 })
    await decided(log, running)
    const index = partitionCount + 1
    const batches = async () => (await log.bounds('clickhouse_events'))[index]?.end ?? 0
    const before = await batches()
    await until('it was renewed twice', async () => (await batches()) >= before + 2)
    put(log, 7)
    put(log, 2, 1, {}, 'historical_events')
    await decided(log, running)
    await running.stop()
    const partitions = await assertWhole(log, await sourceEnds(log))
    const renewals = partitions[index]?.heads.filter(({ from, to }) => from === to) ?? []
    assert.ok(renewals.length >= 2)
    assert.ok(renewals.every(({ books, acceptedToMs }) => books.in <= 10 && acceptedToMs === nowMs))
    assert.ok(partitions.slice(index + 1).every(({ heads }) => heads.length === 0))
    const next = start(log)
    await until('it resumed', async () => (await decidedTo(next))[index] === 10)
    assert.equal((await booksOf(next)).in, 22)
    await next.stop()
  })

  it('can be of any flow', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 7, 2, {}, 'heatmaps_ingestion')
    put(log, 7)
    const running = start(log, { flow: flows.heatmaps })
    await until('its lane is decided', async () => (await decidedTo(running))[2] === 7)
    await running.stop()
    assert.deepEqual(await decidedTo(running), [0, 0, 7])
    assert.deepEqual((await log.bounds('clickhouse_events')).at(0), { begin: 0, end: 0 })
    assert.ok(((await log.bounds('clickhouse_heatmap_events'))[2]?.end ?? 0) > 0)
  })

  it('has the log remember its newest batches: at the start, while it works and at a calm end', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 20, 1)
    const first = start(log)
    const remembered = async () => (await log.remembered('clickhouse_events')).get(1)
    const newest = async () => ((await log.bounds('clickhouse_events'))[1]?.end ?? 0) - 1
    await until('it is remembered while it works', async () => (await remembered())?.offset === (await newest()))
    put(log, 20, 1)
    await decided(log, first)
    await first.stop()
    assert.equal((await remembered())?.offset, await newest())
    assert.deepEqual([...(await log.remembered('clickhouse_events')).keys()], [1])

    const forgetful = createMemoryLog(partitionCount)
    put(forgetful, 5)
    const quiet = start(disturbed(forgetful, { remember: () => () => Promise.resolve() }))
    await decided(forgetful, quiet)
    await quiet.stop()
    assert.equal((await forgetful.remembered('clickhouse_events')).size, 0)
    const next = start(forgetful)
    await until('the next owner has it remembered', async () => {
      return (await forgetful.remembered('clickhouse_events')).get(0)?.offset !== undefined
    })
    await next.stop()
  })

  it('goes on while nothing can be remembered, and does not let that end it', async () => {
    const log = createMemoryLog(partitionCount)
    const unavailable = new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })
    let asked = 0
    const away = disturbed(log, {
      remember: (remember) => (newest) => (asked++ === 0 ? remember(newest) : Promise.reject(unavailable)),
    })
    put(log, 10)
    const running = start(away)
    await decided(log, running)
    await until('it tried to', () => asked > 1)
    put(log, 10)
    await decided(log, running)
    await running.stop()
    await assertWhole(log, [20, 0, 0])
    assert.equal((await log.remembered('clickhouse_events')).size, 0)
  })

  it('decides its partitions in all lanes and leaves the others to others, neither disturbing the other', async () => {
    const log = createMemoryLog(partitionCount)
    const fill = (): void => {
      for (const partition of allOfThem) {
        put(log, 11, partition)
        put(log, 4, partition, {}, 'exceptions')
        put(log, 3, partition, {}, 'historical_events')
      }
    }
    fill()
    const one = start(log, { partitions: [2, 0] })
    const other = start(log, { partitions: [1] })
    await decided(log, one)
    fill()
    await decided(log, other)
    await Promise.all([one.stop(), other.stop()])
    const ends = await sourceEnds(log)
    await assertWhole(log, ends)
    for (const running of [one, other, start(log, { partitions: [] })]) {
      await decided(log, running)
      assert.deepEqual(await decidedTo(running), ends)
      assert.equal((await booksOf(running)).out, 3 * 2 * (11 + 4 + 3))
      await running.stop()
    }
  })

  it('says of partitions that others decide what they had remembered, and the last known while the log is away', async () => {
    const log = createMemoryLog(partitionCount)
    let isAway = false
    let asked = 0
    const shaky: EventLog = {
      ...log,
      remembered(lane) {
        asked++
        if (isAway) return Promise.reject(new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true }))
        return log.remembered(lane)
      },
    }
    put(log, 9, 2)
    const idle = start(shaky, { partitions: [] })
    assert.equal((await decidedTo(idle))[2], 0)
    const working = start(log)
    await until('it is told', async () => (await decidedTo(idle))[2] === 9)
    const { acceptedToMs } = (await idle.ingestion.states())[2] ?? {}
    assert.equal(acceptedToMs, nowMs)
    isAway = true
    const before = asked
    await until('it asked in vain', async () => (await decidedTo(idle)).length > 0 && asked > before)
    assert.equal((await decidedTo(idle))[2], 9)
    await Promise.all(Array.from({ length: 50 }, () => idle.ingestion.states()))
    assert.ok(asked <= before + 2)
    await Promise.all([idle.stop(), working.stop()])
  })

  it('takes partitions that another had, resumes there, and gives others back, life after life', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const random = seededRandom(seed)
    const log = createMemoryLog(partitionCount)
    const two = [0, 1].map(() => createIngestion(config, { flow: flows.events, log, derive, telemetry: silent }))
    let fenced = 0
    for (let round = 0; round < 12; round++) {
      for (const partition of allOfThem) put(log, Math.floor(random() * 12), partition)
      // Now and then both believe that a partition is theirs.
      const shares = two.map(() => allOfThem.filter(() => random() < 0.6))
      const stopping = new AbortController()
      const [first = [], second = []] = shares
      const lives = two.map(async (ingestion, at) => {
        const share = at === 0 ? first : second
        const others = at === 0 ? second : first
        try {
          await ingestion.run(share, stopping.signal)
        } catch (error) {
          assert.equal(codeOf(error), 'SLUICE_LOG_FENCED')
          fenced++
          const left = share.filter((partition) => !others.includes(partition))
          await ingestion.run(left, stopping.signal)
        }
      })
      const ends = await sourceEnds(log)
      await until('what somebody has is decided', async () => {
        const states = await Promise.all(two.map((ingestion) => ingestion.states()))
        return allOfThem.every(
          (partition) =>
            !shares.some((share) => share.includes(partition)) ||
            states.some((state) => (state[partition]?.decidedTo ?? 0) >= (ends[partition] ?? 0)),
        )
      })
      stopping.abort()
      await Promise.all(lives)
    }
    t.diagnostic(`fenced ${String(fenced)} times`)
    const last = start(log)
    await decided(log, last)
    await last.stop()
    await assertWhole(log, await sourceEnds(log))
  })

  it('ends when somebody newer owns the lane, and writes nothing any more', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 5)
    const older = start(log)
    await decided(log, older)
    const newer = start(log)
    await until('the newer one owns the lane', async () => (await decidedTo(newer))[0] === 5)
    put(log, 5)
    await assert.rejects(older.ended, (error) => codeOf(error) === 'SLUICE_LOG_FENCED')
    await decided(log, newer)
    await newer.stop()
    await assertWhole(log, [10, 0, 0])
  })

  it('writes a gap in the log down as damaged', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 20)
    const lost = new Set([0, 7, 8, 13])
    const damaged = disturbed(log, { read: (records) => records.filter(({ position }) => !lost.has(position.offset)) })
    const running = start(damaged)
    await decided(log, running)
    await running.stop()
    const [partition] = await assertWhole(log, [20, 0, 0])
    const exceptions = partition?.heads.flatMap((head) => head.exceptions) ?? []
    assert.deepEqual(
      exceptions.map(({ offset, kind }) => [offset, kind]),
      [...lost].map((offset) => [offset, 'damaged']),
    )
    assert.deepEqual(await booksOf(running), {
      ...emptyBooks,
      in: 20,
      out: 16,
      damaged: 4,
      setAside: [{ kind: 'damaged', step: 'read', reason: 'damaged', count: 4 }],
    })
  })

  it('waits out that projects cannot be looked up, and loses and repeats nothing', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 10)
    let fails = 4
    const away = projectsInMemory(undefined, () => {
      if (fails-- > 0) throw new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })
    })
    const running = start(log, { derive: createDerive({ projects: away }) })
    await decided(log, running)
    await running.stop()
    assert.ok(fails < 0)
    await assertWhole(log, [10, 0, 0])
  })

  it('ends at once when it is told to while it waits', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 1)
    let asked = 0
    const away = projectsInMemory(undefined, () => {
      asked++
      throw new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })
    })
    const running = start(log, { derive: createDerive({ projects: away }) })
    await until('it asked', () => asked > 0)
    await running.stop()
    await assertWhole(log, [0, 0, 0])
  })

  it('ends with what cannot be survived', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 1)
    const running = start(log, { derive: () => Promise.reject(new Failure('SLUICE_STATE_REFUSED', 'no')) })
    await assert.rejects(running.ended, (error) => codeOf(error) === 'SLUICE_STATE_REFUSED')
  })

  it('takes over anew when an append fails, because it may be there all the same', async (t) => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    t.diagnostic(`seed ${String(seed)}`)
    const random = seededRandom(seed)
    let failures = 0
    for (let round = 0; round < 20; round++) {
      const log = createMemoryLog(partitionCount)
      const shaky = disturbed(log, {
        append: (append) => async (partition, record) => {
          const luck = random()
          const unavailable = new Failure('SLUICE_JOURNAL_WRITE_FAILED', 'shaky', { retryable: true })
          if (luck < 0.15) {
            failures++
            throw unavailable
          }
          const position = await append(partition, record)
          if (luck > 0.85) {
            failures++
            throw unavailable
          }
          return position
        },
      })
      for (let partition = 0; partition < partitionCount; partition++) put(log, 15, partition)
      const running = start(shaky)
      await decided(log, running)
      await running.stop()
      await assertWhole(log, [15, 15, 15])
    }
    assert.ok(failures > 0)
  })

  it('says what it set aside, damage and dead letters louder than what rules drop', async () => {
    const log = createMemoryLog(partitionCount)
    put(log, 1)
    put(log, 2, 1, { token: 'phc_typo' })
    put(log, 1, 2, { erased: 'true' })
    const lines: [string, unknown][] = []
    const counts: [string, unknown][] = []
    const telemetry: Telemetry = {
      ...silent,
      log: (level, _, fields) => lines.push([level, fields?.['reason']]),
      count: (name, by, labels) => counts.push([`${name} ${String(by)}`, labels]),
    }
    const running = start(log, { telemetry })
    await decided(log, running)
    await running.stop()
    assert.deepEqual(
      lines.filter(([level]) => level !== 'info'),
      [['warn', 'unknown_token']],
    )
    const setAside = counts
      .filter(([name]) => name === 'ingestion_records_set_aside_total 1')
      .map(([, labels]) => labels)
    assert.deepEqual(setAside, [
      { kind: 'dead_letter', reason: 'unknown_token' },
      { kind: 'dead_letter', reason: 'unknown_token' },
      { kind: 'dropped', reason: 'erased' },
    ])
  })
})
