import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TokenAnswer } from '../../../stores/state/token-directory.ts'
import { lookAtToken } from './token.ts'

const known: TokenAnswer = { kind: 'known', projectId: 1, answers: 'sdk' }

/** A directory that says one thing from memory and another when it asks. */
function aDirectory(fromMemory: TokenAnswer, fromStore: TokenAnswer) {
  const asked: string[] = []
  return {
    asked,
    lookup: () => fromMemory,
    confirm: (token: string) => {
      asked.push(token)
      return Promise.resolve(fromStore)
    },
  }
}

describe('the rule about tokens', () => {
  it('asks nobody about a token that is known, or that nothing certain is known of', async () => {
    for (const answer of [known, { kind: 'unsure' } as const]) {
      const tokens = aDirectory(answer, { kind: 'unknown' })
      assert.deepEqual(await lookAtToken(tokens, 'phc_a'), answer)
      assert.deepEqual(tokens.asked, [])
    }
  })

  it('asks once more before a token is called unknown, so that a new one works at once', async () => {
    const tokens = aDirectory({ kind: 'unknown' }, known)
    assert.deepEqual(await lookAtToken(tokens, 'phc_new'), known)
    assert.deepEqual(tokens.asked, ['phc_new'])
    assert.deepEqual(await lookAtToken(aDirectory({ kind: 'unknown' }, { kind: 'unknown' }), 'x'), { kind: 'unknown' })
  })
})
