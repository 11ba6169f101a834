import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import type { Answer } from '../harness/http-client.ts'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'
import { profiles } from '../harness/profiles.ts'

interface Case {
  readonly says: string
  readonly events: number
  readonly body: (token: string) => string
}

const aBatch = (events: readonly object[]) => (token: string) => JSON.stringify({ api_key: token, batch: events })
const numbered = (count: number) => Array.from({ length: count }, (_, number) => number)

const cases: readonly Case[] = [
  {
    says: 'one event with a uuid',
    events: 1,
    body: (token) =>
      JSON.stringify({ api_key: token, event: 'one', distinct_id: 'a', uuid: 'b3f0ae27-6b9e-4b6a-9a15-2f6d7f2c9d01' }),
  },
  {
    says: 'one event without a uuid and with a timestamp',
    events: 1,
    body: (token) =>
      JSON.stringify({ api_key: token, event: 'two', distinct_id: 'a', timestamp: '2026-01-02T03:04:05Z' }),
  },
  {
    says: 'a batch',
    events: 50,
    body: aBatch(
      numbered(50).map((number) => ({ event: 'three', distinct_id: `user ${String(number)}`, uuid: randomUUID() })),
    ),
  },
  {
    says: 'a batch in which an event is there twice',
    events: 1,
    body: aBatch([
      { event: 'four', distinct_id: 'a', uuid: '2c7b7c0e-2f53-4b52-8b0f-9b0f1f3a7e02' },
      { event: 'four', distinct_id: 'a', uuid: '2C7B7C0E-2F53-4B52-8B0F-9B0F1F3A7E02' },
    ]),
  },
]

for (const profile of profiles) {
  describe(`a request that is sent again, ${profile.where}`, { skip: profile.skip }, () => {
    it('leaves one row an event and gets the first receipt, also after a stop and after a crash', async (test) => {
      const sluice = await aRunningSluice(test, {}, profile)
      const bodies = cases.map(({ body }) => body(sluice.token))
      const first = await sendAll(sluice, bodies)
      for (const answer of first)
        assert.match(String(answer.headers['sluice-verdicts']), /^stored=\d+(, duplicate=1)?$/)

      assertSameReceipts(await sendAll(sluice, bodies), first)
      assertSameReceipts(await sendAll(sluice, bodies), first)

      assert.equal(await sluice.stop(), 0)
      await sluice.start()
      assertSameReceipts(await sendAll(sluice, bodies), first)

      await sluice.kill('edge')
      await sluice.ready()
      assertSameReceipts(await sendAll(sluice, bodies), first)

      await sluice.killAll()
      await sluice.start()
      assertSameReceipts(await sendAll(sluice, bodies), first)

      await sluice.settled()
      const { rows } = await sluice.ask('SELECT event, count() FROM events GROUP BY event ORDER BY event')
      assert.deepEqual(
        rows.map(([event, count]) => [event, Number(count)]),
        [
          ['four', 1],
          ['one', 1],
          ['three', 50],
          ['two', 1],
        ],
      )
      await assertVerified(sluice, 53)
    })

    it('gets the first receipt from a copy that was under way at the same time', async (test) => {
      const sluice = await aRunningSluice(test, {}, profile)
      const body = aBatch([{ event: 'at once', distinct_id: 'a', uuid: randomUUID() }])(sluice.token)
      const answers = await sendAll(
        sluice,
        Array.from({ length: 20 }, () => body),
      )
      const receipts = new Set(answers.map(({ headers }) => headers['sluice-receipt']))
      assert.equal(receipts.size, 1)
      const stored = answers.filter(({ headers }) => headers['sluice-verdicts'] === 'stored=1')
      assert.equal(stored.length, 1)
      await sluice.settled()
      const { rows } = await sluice.ask('SELECT count() FROM events')
      assert.equal(Number(rows[0]?.[0]), 1)
    })
  })
}

async function sendAll(sluice: Installation, bodies: readonly string[]): Promise<readonly Answer[]> {
  const headers = { 'content-type': 'application/json' }
  const answers = await Promise.all(bodies.map((body) => sluice.send('/batch/', { method: 'POST', headers, body })))
  for (const { status, text } of answers) assert.equal(status, 200, text)
  return answers
}

function assertSameReceipts(again: readonly Answer[], first: readonly Answer[]): void {
  for (const [number, { says }] of cases.entries()) {
    assert.equal(again[number]?.headers['sluice-receipt'], first[number]?.headers['sluice-receipt'], says)
    assert.match(String(again[number]?.headers['sluice-verdicts']), /^stored=0, duplicate=\d+$/, says)
  }
}
