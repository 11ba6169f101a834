import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Failure } from './failure.ts'
import { KnownParts } from './known-parts.ts'

/** Three parts, each known by a number. */
function parts(ask: () => Promise<ReadonlyMap<number, number>>): KnownParts<number> {
  return new KnownParts({ count: 3, nothing: 0, ask, progressOf: (part) => part })
}

describe('what is known of parts', () => {
  it('is its own word about its own, and what was said about others', async () => {
    const known = parts(() =>
      Promise.resolve(
        new Map([
          [0, 9],
          [2, 7],
          [5, 1],
        ]),
      ),
    )
    known.own(new Map([[0, 4]]))
    known.set(0, 5)
    assert.deepEqual(await known.all(), [5, 0, 7])
    assert.deepEqual(known.now(), [5, 0, 7])
  })

  it('never goes back when others took over', async () => {
    const known = parts(() => Promise.resolve(new Map([[1, 3]])))
    known.own(new Map([[1, 8]]))
    known.disown()
    assert.deepEqual(await known.all(), [0, 8, 0])
  })

  it('asks nobody when all are its own', async () => {
    const known = parts(() => assert.fail('asked'))
    known.own(new Map([0, 1, 2].map((index) => [index, index])))
    assert.deepEqual(await known.all(), [0, 1, 2])
  })

  it('is the last that was known while nobody answers, and what is broken is told', async () => {
    const away = parts(() => Promise.reject(new Failure('SLUICE_STATE_UNAVAILABLE', 'away', { retryable: true })))
    away.own(new Map([[0, 4]]))
    assert.deepEqual(await away.all(), [4, 0, 0])
    await assert.rejects(parts(() => Promise.reject(new Error('broken'))).all(), /broken/)
  })
})
