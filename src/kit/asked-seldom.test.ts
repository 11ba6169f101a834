import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { askedSeldom } from './asked-seldom.ts'

describe('a question that is asked seldom', () => {
  it('is asked once for all who want it at the same time, and not again soon', async () => {
    let asked = 0
    const ask = askedSeldom(
      async () => {
        asked++
        await Promise.resolve()
      },
      { everyMs: 3_600_000, waitMsMax: 3_600_000 },
    )
    await Promise.all([ask(), ask(), ask()])
    await ask()
    assert.equal(asked, 1)
  })

  it('holds nobody up for long, and goes on', async () => {
    const answer = Promise.withResolvers<undefined>()
    let asked = 0
    const ask = askedSeldom(
      async () => {
        asked++
        await answer.promise
      },
      { everyMs: 0, waitMsMax: 1 },
    )
    await ask()
    await ask()
    assert.equal(asked, 1)
    answer.resolve(undefined)
  })

  it('tells whoever waits what went wrong, and is asked again', async () => {
    let asked = 0
    const ask = askedSeldom(
      () => {
        asked++
        return Promise.reject(new Error('away'))
      },
      { everyMs: 0, waitMsMax: 3_600_000 },
    )
    await assert.rejects(ask(), /away/)
    await assert.rejects(ask(), /away/)
    assert.equal(asked, 2)
  })
})
