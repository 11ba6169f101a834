/** What every intake promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UuidWords } from '../../event/uuid.ts'
import { Failure } from '../../kit/failure.ts'
import type { AppliedLimit, DuplicateKey, Intake, IntakeEvent, IntakeRequest, Outcome } from './intake.ts'

export interface OpenedIntake {
  readonly intake: Intake
  readonly close: () => Promise<void>
}

export interface WantedIntake {
  readonly limitKeysMax: number
  readonly now: () => number
}

export interface IntakeUnderTest extends OpenedIntake {
  /** Opens an intake over the same storage, where the adapter has one. */
  readonly reopen?: () => Promise<OpenedIntake>
  /**
   * Where duplicates and limits are known by something that may lose its memory while the log keeps everything: makes it lose it. What
   * is promised of copies and limits then holds between two such losses, and the suite says what holds across one.
   */
  readonly forget?: () => Promise<void>
}

export function describeIntake(name: string, openWanted: (wanted: WantedIntake) => Promise<IntakeUnderTest>): void {
  let nowMs = noonMs
  const open = ({ limitKeysMax = 1000 } = {}) => openWanted({ limitKeysMax, now: () => nowMs })
  /** A request that comes now. */
  const asks = (events: readonly IntakeEvent[], limits: readonly AppliedLimit[]): IntakeRequest => ({
    ...aRequest(events),
    nowMs,
    limits,
  })

  describe(`${name} as an intake`, () => {
    it('stores every event of a request and gives each a position of its own', async () => {
      const { intake, close } = await open()
      const outcomes = await intake.submit(aRequest([anEvent(1), anEvent(2), anEvent(3)]))
      assert.deepEqual(
        outcomes.map(({ verdict }) => verdict),
        ['stored', 'stored', 'stored'],
      )
      const positions = outcomes.map(({ partition, offset }) => `${String(partition)}@${String(offset)}`)
      assert.equal(new Set(positions).size, 3)
      await close()
    })

    it('keeps the order of a distinct id: one partition, offsets that rise', async () => {
      const { intake, close } = await open()
      const first = await intake.submit(aRequest([anEvent(1, 'ada'), anEvent(2, 'ada')]))
      const second = await intake.submit(aRequest([anEvent(3, 'ada')]))
      const all = [...first, ...second]
      assert.equal(new Set(all.map(({ partition }) => partition)).size, 1)
      assert.deepEqual(
        all.map(({ offset }) => offset),
        [0, 1, 2],
      )
      await close()
    })

    it('answers a copy with the position of the first one', async () => {
      const { intake, close } = await open()
      const [first] = await intake.submit(aRequest([anEvent(1)]))
      const [second] = await intake.submit(aRequest([anEvent(1)]))
      assert.equal(second?.verdict, 'duplicate')
      assert.deepEqual([second.partition, second.offset], [first?.partition, first?.offset])
      await close()
    })

    it('finds copies inside of one request and among requests on their way', async () => {
      const { intake, close } = await open()
      const answers = await Promise.all([
        intake.submit(aRequest([anEvent(1), anEvent(2), anEvent(1)])),
        intake.submit(aRequest([anEvent(2), anEvent(3)])),
      ])
      assert.deepEqual(
        answers.map((outcomes) => outcomes.map(({ verdict }) => verdict)),
        [
          ['stored', 'stored', 'duplicate'],
          ['duplicate', 'stored'],
        ],
      )
      await close()
    })

    it('stores an event without a duplicate key every time', async () => {
      const { intake, close } = await open()
      const keyless = { ...anEvent(1), duplicateKey: undefined }
      for (let n = 0; n < 2; n++) {
        const [outcome] = await intake.submit(aRequest([keyless]))
        assert.equal(outcome?.verdict, 'stored')
      }
      await close()
    })

    it('keeps a refused event in the dead-letter lane, and its key free', async () => {
      const { intake, close } = await open()
      const [refused, good] = await intake.submit(aRequest([{ ...anEvent(1), refusal: 'no name' }, anEvent(2)]))
      assert.equal(refused?.verdict, 'refused')
      assert.equal(refused.lane, 'events_plugin_ingestion_dlq')
      assert.equal(good?.verdict, 'stored')
      const [again] = await intake.submit(aRequest([anEvent(1)]))
      assert.equal(again?.verdict, 'stored')
      await close()
    })

    it('keeps books: received = stored + duplicate + refused, canaries apart', async () => {
      const { intake, close } = await open()
      await intake.submit(aRequest([anEvent(1), anEvent(2)]))
      await intake.submit(aRequest([anEvent(1), { ...anEvent(3), refusal: 'bad' }]))
      await intake.submit({ ...aRequest([anEvent(4)]), isCanary: true })
      const { received, stored, duplicate, refused, canary } = intake.books()
      assert.deepEqual(
        { received, stored, duplicate, refused, canary },
        { received: 4, stored: 2, duplicate: 1, refused: 1, canary: 1 },
      )
      await close()
    })

    it('decides thousands of requests at once as if they came one after the other', async () => {
      const { intake, close } = await open()
      const answers = await Promise.all(
        Array.from({ length: 2000 }, (_, n) => intake.submit(aRequest([anEvent(n % 500, `user-${String(n % 7)}`)]))),
      )
      const outcomes = answers.flat()
      assert.equal(outcomes.filter(({ verdict }) => verdict === 'stored').length, 500)
      const firsts = new Map<number, string>()
      for (const [n, { partition, offset }] of outcomes.entries()) {
        const position = `${String(partition)}@${String(offset)}`
        const first = firsts.get(n % 500)
        if (first === undefined) firsts.set(n % 500, position)
        else assert.equal(position, first)
      }
      await close()
    })

    it('knows copies after it was closed and opened, with the first receipt, and goes on counting', async (t) => {
      const opened = await open()
      if (opened.reopen === undefined) {
        await opened.close()
        t.diagnostic('keeps nothing beyond the process, by its nature')
        return
      }
      const [first] = await opened.intake.submit(aRequest([anEvent(1, 'ada')]))
      await opened.close()
      const { intake, close } = await opened.reopen()
      const [copy, next] = await intake.submit(aRequest([anEvent(1, 'ada'), anEvent(2, 'ada')]))
      assert.deepEqual([copy?.verdict, copy?.partition, copy?.offset], ['duplicate', first?.partition, first?.offset])
      assert.deepEqual([next?.verdict, next?.offset], ['stored', 1])
      assert.equal(intake.books().stored, 2)
      assert.equal(intake.books().duplicate, 1)
      await close()
    })

    it('lets exactly as many events in as a quota has, however many come at once', async () => {
      const { intake, close } = await open()
      const limits = [aQuota(1000)]
      const answers = await Promise.all(
        Array.from({ length: 2000 }, (_, n) => intake.submit(asks([{ ...anEvent(n), limits: [0] }], limits))),
      )
      assert.deepEqual(verdictsOf(answers.flat()), { stored: 1000, quota_limited: 1000 })
      assert.deepEqual(await intake.limitUses(), [{ key: aQuota(1000).key, used: 1000 }])
      const { stored, quotaLimited, received } = intake.books()
      assert.deepEqual({ stored, quotaLimited, received }, { stored: 1000, quotaLimited: 1000, received: 2000 })
      await close()
    })

    it('says which limit was met and how long it lasts, and keeps nothing of the event', async () => {
      const { intake, close } = await open()
      const limits = [aQuota(9, 'other'), aQuota(1)]
      const limited = { ...anEvent(2), limits: [0, 1] }
      const [, outcome] = await intake.submit(asks([{ ...anEvent(1), limits: [0, 1] }, limited], limits))
      assert.deepEqual(outcome, {
        verdict: 'quota_limited',
        lane: 'events_plugin_ingestion',
        partition: -1,
        offset: -1,
        limit: 1,
        retryAfterMs: 3_600_000,
      })
      assert.deepEqual(await usesOf(intake), { other: 1, 'quota:{phc_a}:@events': 1 })
      const [again] = await intake.submit(asks([limited], []))
      assert.equal(again?.verdict, 'stored', 'it left no key')
      await close()
    })

    it('debits nothing for a copy, and answers it when the quota is used up', async () => {
      const { intake, close } = await open()
      const limits = [aQuota(2)]
      const event = { ...anEvent(1), limits: [0] }
      assert.deepEqual(verdictsOf(await intake.submit(asks([event, event], limits))), { stored: 1, duplicate: 1 })
      assert.deepEqual(await usesOf(intake), { 'quota:{phc_a}:@events': 1 })
      const answers = await intake.submit(asks([event, { ...anEvent(2), limits: [0] }, event], limits))
      assert.deepEqual(verdictsOf(answers), { duplicate: 2, stored: 1 })
      await close()
    })

    it('debits nothing for refused events and canaries', async () => {
      const { intake, close } = await open()
      const limits = [aQuota(0)]
      const refused = { ...anEvent(1), limits: [0], refusal: 'no name' }
      assert.deepEqual(verdictsOf(await intake.submit(asks([refused], limits))), { refused: 1 })
      const canary = { ...asks([{ ...anEvent(2), limits: [0] }], limits), isCanary: true }
      assert.deepEqual(verdictsOf(await intake.submit(canary)), { stored: 1 })
      assert.deepEqual(await usesOf(intake), {})
      await close()
    })

    it('begins a quota anew when it has expired, and not before', async () => {
      const { intake, close } = await open()
      const send = async (n: number): Promise<string | undefined> => {
        const limits = [aQuota(1, 'hourly', nowMs < noonMs + 3_600_000 ? noonMs + 3_600_000 : noonMs + 7_200_000)]
        return (await intake.submit(asks([{ ...anEvent(n), limits: [0] }], limits)))[0]?.verdict
      }
      nowMs = noonMs
      assert.equal(await send(1), 'stored')
      nowMs = noonMs + 3_599_999
      assert.equal(await send(2), 'quota_limited')
      nowMs = noonMs + 3_600_000
      assert.deepEqual(await usesOf(intake), {})
      assert.equal(await send(3), 'stored')
      assert.equal(await send(4), 'quota_limited')
      assert.deepEqual(await usesOf(intake), { hourly: 1 })
      nowMs = noonMs
      await close()
    })

    it('lets a burst in and then as many as the rate refills', async () => {
      const { intake, close } = await open()
      let n = 0
      const send = async (count: number) => {
        const events = Array.from({ length: count }, () => ({ ...anEvent(n++), limits: [0] }))
        return await intake.submit(asks(events, [aRate(10, 5)]))
      }
      nowMs = noonMs
      const first = await send(8)
      assert.deepEqual(verdictsOf(first), { stored: 5, rate_limited: 3 })
      assert.equal(first[7]?.retryAfterMs, 100)
      nowMs += 99
      assert.deepEqual(verdictsOf(await send(1)), { rate_limited: 1 })
      nowMs += 1
      assert.deepEqual(verdictsOf(await send(2)), { stored: 1, rate_limited: 1 })
      nowMs += 300
      assert.deepEqual(verdictsOf(await send(4)), { stored: 3, rate_limited: 1 })
      nowMs += 60_000
      assert.deepEqual(verdictsOf(await send(8)), { stored: 5, rate_limited: 3 }, 'no more than a burst is saved up')
      assert.deepEqual(await usesOf(intake), { 'rate:{phc_a}:@events': 5 })
      nowMs += 200
      assert.deepEqual(await usesOf(intake), { 'rate:{phc_a}:@events': 3 })
      assert.equal(intake.books().rateLimited, 9)
      nowMs = noonMs
      await close()
    })

    it('lets exactly the rate in over a long time', async () => {
      const { intake, close } = await open()
      nowMs = noonMs
      let stored = 0
      for (let n = 0; n < 3000; n++) {
        const [outcome] = await intake.submit(asks([{ ...anEvent(n), limits: [0] }], [aRate(3, 1)]))
        if (outcome?.verdict === 'stored') stored++
        nowMs += 7
      }
      // 2999 steps of 7 ms are 62.98 tokens behind the first one.
      assert.ok(stored === 63 || stored === 64, String(stored))
      nowMs = noonMs
      await close()
    })

    it('goes on in proportion when the rule of a bucket changes', async () => {
      const { intake, close } = await open()
      nowMs = noonMs
      let n = 0
      const send = async (count: number, limit: AppliedLimit) => {
        const events = Array.from({ length: count }, () => ({ ...anEvent(n++), limits: [0] }))
        return verdictsOf(await intake.submit(asks(events, [limit])))
      }
      assert.deepEqual(await send(6, aRate(1, 10)), { stored: 6 })
      assert.deepEqual(await send(60, aRate(100, 100)), { stored: 40, rate_limited: 20 })
      assert.deepEqual(await send(1, aRate(100, 10)), { rate_limited: 1 })
      nowMs += 10
      assert.deepEqual(await send(2, aRate(100, 10)), { stored: 1, rate_limited: 1 })
      nowMs = noonMs
      await close()
    })

    it('meets the quota before the rate, and debits neither when either is met', async () => {
      const { intake, close } = await open()
      nowMs = noonMs
      const event = (n: number) => ({ ...anEvent(n), limits: [0, 1] })
      const [both] = await intake.submit(asks([event(1)], [aRate(1, 0), aQuota(0)]))
      assert.deepEqual([both?.verdict, both?.limit], ['quota_limited', 1])
      const [rate] = await intake.submit(asks([event(2)], [aRate(1, 0), aQuota(5)]))
      assert.deepEqual([rate?.verdict, rate?.limit], ['rate_limited', 0])
      assert.deepEqual(await usesOf(intake), {})
      await close()
    })

    it('stores all of a request that wants all or nothing, or nothing, as if it had not come', async () => {
      const { intake, close } = await open()
      const limits = [aQuota(3)]
      const event = (n: number, distinctId = 'ada') => ({ ...anEvent(n, distinctId), limits: [0] })
      const whole = (events: readonly IntakeEvent[]) => ({ ...asks(events, limits), isAllOrNothing: true })
      const [first] = await intake.submit(whole([event(1)]))
      const refusedWhole = await intake.submit(
        whole([event(1), event(2), { ...event(3), refusal: 'no name' }, event(4), event(2), event(5)]),
      )
      assert.deepEqual(verdictsOf(refusedWhole), { duplicate: 1, quota_limited: 5 })
      assert.equal(refusedWhole[0]?.offset, first?.offset)
      for (const { limit, offset, retryAfterMs } of refusedWhole.slice(1)) {
        assert.deepEqual([limit, offset, retryAfterMs], [0, -1, 3_600_000])
      }
      assert.deepEqual(await usesOf(intake), { 'quota:{phc_a}:@events': 1 })
      const fits = await intake.submit(whole([event(2), event(4)]))
      assert.deepEqual(verdictsOf(fits), { stored: 2 })
      assert.deepEqual(
        fits.map(({ offset }) => offset),
        [1, 2],
      )
      const { stored, refused, quotaLimited } = intake.books()
      assert.deepEqual({ stored, refused, quotaLimited }, { stored: 3, refused: 0, quotaLimited: 5 })
      await close()
    })

    it('stores what was split off with its main event alone, and counts it apart', async () => {
      const { intake, close } = await open()
      const limits = [aQuota(1)]
      const main = (n: number) => ({ ...anEvent(n), limits: [0] })
      const splitFrom = (at: number): IntakeEvent => ({
        ...anEvent(9, 'ada'),
        lane: 'heatmaps_ingestion',
        splitFrom: at,
      })
      const split = asks([main(1), splitFrom(0), main(1), splitFrom(2), main(2), splitFrom(4)], limits)
      const outcomes = await intake.submit(split)
      assert.deepEqual(
        outcomes.map(({ verdict }) => verdict),
        ['stored', 'stored', 'duplicate', 'duplicate', 'quota_limited', 'quota_limited'],
      )
      assert.deepEqual([outcomes[1]?.lane, outcomes[1]?.offset], ['heatmaps_ingestion', 0])
      const [again] = (await intake.submit(asks([main(3), splitFrom(0)], []))).slice(1)
      assert.deepEqual([again?.lane, again?.offset], ['heatmaps_ingestion', 1])
      const { received, stored, duplicate, quotaLimited, split: count } = intake.books()
      assert.deepEqual(
        { received, stored, duplicate, quotaLimited },
        { received: 4, stored: 2, duplicate: 1, quotaLimited: 1 },
      )
      assert.equal(count, 2)
      assert.deepEqual(await usesOf(intake), { 'quota:{phc_a}:@events': 1 })
      await close()
    })

    it('refuses requests of new keys when too many are counted, and goes on with those it has', async () => {
      const { intake, close } = await open({ limitKeysMax: 2 })
      nowMs = noonMs
      const send = (n: number, limit: AppliedLimit) => intake.submit(asks([{ ...anEvent(n), limits: [0] }], [limit]))
      await send(1, aQuota(9, 'a'))
      await send(2, aRate(1, 9, 'b'))
      const isFull = (error: unknown): boolean =>
        error instanceof Failure && error.code === 'SLUICE_LIMITS_FULL' && error.retryable
      await assert.rejects(send(3, aQuota(9, 'c')), isFull)
      assert.equal((await send(4, aQuota(9, 'a')))[0]?.verdict, 'stored')
      // The bucket is full again: nobody needs to remember it.
      nowMs += 1000
      assert.equal((await send(3, aQuota(9, 'c')))[0]?.verdict, 'stored')
      assert.deepEqual(await usesOf(intake), { a: 2, c: 1 })
      nowMs = noonMs
      await close()
    })

    it('knows what is counted after it was closed and opened', async (t) => {
      const opened = await open()
      if (opened.reopen === undefined) {
        await opened.close()
        t.diagnostic('keeps nothing beyond the process, by its nature')
        return
      }
      nowMs = noonMs
      const limits = [aQuota(3), aRate(0.1, 4)]
      const event = (n: number) => ({ ...anEvent(n), limits: [0, 1] })
      for (let n = 0; n < 2; n++) await opened.intake.submit(asks([event(n)], limits))
      await opened.intake.submit(asks([{ ...anEvent(8), limits: [0] }], [aQuota(0, 'none')]))
      const uses = await opened.intake.limitUses()
      await opened.close()
      const { intake, close } = await opened.reopen()
      assert.deepEqual(await intake.limitUses(), uses)
      assert.deepEqual(await intake.limitUses('rate:'), [{ key: 'rate:{phc_a}:@events', used: 2 }])
      assert.equal((await intake.limitUses('', 1)).length, 1)
      const outcomes = await intake.submit(asks([event(3), event(4)], limits))
      assert.deepEqual(verdictsOf(outcomes), { stored: 1, quota_limited: 1 })
      await close()
    })

    it('goes on when what knows copies and limits has lost its memory: positions rise, and counting begins anew', async (t) => {
      const { intake, close, forget } = await open()
      if (forget === undefined) {
        await close()
        t.diagnostic('has nothing that could lose its memory by itself')
        return
      }
      nowMs = noonMs
      const limits = [aQuota(2), aRate(0.1, 9)]
      const event = (n: number) => ({ ...anEvent(n, 'ada'), limits: [0, 1] })
      await intake.submit(asks([event(1), event(2)], limits))
      assert.deepEqual(verdictsOf(await intake.submit(asks([event(3)], limits))), { quota_limited: 1 })
      await forget()
      const [copy, next, met] = await intake.submit(asks([event(1), event(3), event(4)], limits))
      assert.deepEqual([copy?.verdict, copy?.offset], ['stored', 2], 'a copy enters, behind what was stored')
      assert.deepEqual([next?.verdict, met?.verdict], ['stored', 'quota_limited'])
      assert.deepEqual(await usesOf(intake), { 'quota:{phc_a}:@events': 2, 'rate:{phc_a}:@events': 2 })
      const [again] = await intake.submit(asks([event(1)], limits))
      assert.deepEqual([again?.verdict, again?.offset], ['duplicate', 2], 'from then on it is known again')
      await close()
    })
  })
}

const noonMs = Date.UTC(2026, 10, 20, 12)

function aQuota(max: number, key = 'quota:{phc_a}:@events', expiresAtMs = noonMs + 3_600_000): AppliedLimit {
  return { kind: 'quota', key, max, expiresAtMs }
}

function aRate(perSecond: number, burst: number, key = 'rate:{phc_a}:@events'): AppliedLimit {
  return { kind: 'rate', key, perSecond, burst }
}

function verdictsOf(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { verdict } of outcomes) counts[verdict] = (counts[verdict] ?? 0) + 1
  return counts
}

async function usesOf(intake: Intake): Promise<Record<string, number>> {
  return Object.fromEntries((await intake.limitUses()).map(({ key, used }) => [key, used]))
}

function anEvent(n: number, distinctId = `user-${String(n)}`): IntakeEvent {
  const uuid: UuidWords = [n, 2, 3, 4]
  const duplicateKey: DuplicateKey = [n, 7, 8, 9]
  const lane = 'events_plugin_ingestion'
  return { start: 0, end: 2, uuid, distinctId, lane, partitionKey: `phc_a:${distinctId}`, duplicateKey }
}

function aRequest(events: readonly IntakeEvent[]): IntakeRequest {
  return {
    body: Buffer.from('{}'),
    token: 'phc_a',
    ip: '127.0.0.1',
    nowMs: 1000,
    sentAtMs: undefined,
    isCanary: false,
    events,
  }
}
