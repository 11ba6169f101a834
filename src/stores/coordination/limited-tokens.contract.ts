/** What every adapter of `LimitedTokens` must do. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { until } from '../../kit/until.fixtures.ts'
import { limitedResources } from './limited-tokens.ts'
import type { LimitedResource, LimitedTokens } from './limited-tokens.ts'

export interface OpenedLimitedTokens {
  readonly tokens: LimitedTokens
  /** What that somebody else does. Whole seconds. */
  readonly limit: (token: string, resource: LimitedResource, untilMs: number) => Promise<void>
  readonly lift: (token: string, resource: LimitedResource) => Promise<void>
  readonly close: () => Promise<void>
}

export function describeLimitedTokens(
  name: string,
  open: () => Promise<OpenedLimitedTokens>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  const opened = async (t: TestContext): Promise<OpenedLimitedTokens> => {
    const it = await open()
    t.after(() => it.close())
    return it
  }
  const soonMs = (Math.floor(Date.now() / 1000) + 1000) * 1000

  describe(`tokens that somebody else has limited, in ${name}`, { skip }, () => {
    it('are known with each of their resources and until when', async (t) => {
      const { tokens, limit } = await opened(t)
      for (const [at, resource] of limitedResources.entries()) await limit('phc_a', resource, soonMs + at * 1000)
      await limit('phc_b', 'recordings', soonMs)
      await until('all are known', () => tokens.of('phc_a')?.size === 5 && tokens.of('phc_b') !== undefined)
      assert.deepEqual(
        [...(tokens.of('phc_a') ?? [])].sort(),
        limitedResources.map((resource, at) => [resource, soonMs + at * 1000] as const).toSorted(),
      )
      assert.deepEqual(tokens.of('phc_b'), new Map([['recordings', soonMs]]))
      assert.equal(tokens.of('phc_c'), undefined)
    })

    it('take another time, and are let go', async (t) => {
      const { tokens, limit, lift } = await opened(t)
      await limit('phc_a', 'events', soonMs)
      await limit('phc_b', 'events', soonMs)
      await until('both are known', () => tokens.of('phc_a') !== undefined && tokens.of('phc_b') !== undefined)
      await limit('phc_a', 'events', soonMs + 5000)
      await lift('phc_b', 'events')
      await until('the other time is known', () => tokens.of('phc_a')?.get('events') === soonMs + 5000)
      await until('the other token is let go', () => tokens.of('phc_b') === undefined)
    })

    it('stay as they were known once they are closed', async (t) => {
      const { tokens, limit, lift } = await opened(t)
      await limit('phc_a', 'events', soonMs)
      await until('it is known', () => tokens.of('phc_a') !== undefined)
      tokens.close()
      tokens.close()
      await limit('phc_b', 'events', soonMs)
      assert.equal(tokens.of('phc_b'), undefined)
      assert.equal(tokens.of('phc_a')?.get('events'), soonMs)
      await lift('phc_b', 'events')
    })
  })
}
