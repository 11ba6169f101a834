/** What every intake promises; called by each adapter's tests. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { UuidWords } from '../../event/uuid.ts'
import type { DuplicateKey, Intake, IntakeEvent, IntakeRequest } from './intake.ts'

export interface OpenedIntake {
  readonly intake: Intake
  readonly close: () => Promise<void>
}

/** `reopen` opens an intake over the same storage, where the adapter has one. */
export function describeIntake(
  name: string,
  open: () => Promise<OpenedIntake & { readonly reopen?: () => Promise<OpenedIntake> }>,
): void {
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
  })
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
