import type { LimitedResource, LimitedTokens } from '../limited-tokens.ts'

export interface MemoryLimitedTokens extends LimitedTokens {
  limit(token: string, resource: LimitedResource, untilMs: number): void
  lift(token: string, resource: LimitedResource): void
}

export function createMemoryLimitedTokens(): MemoryLimitedTokens {
  const known = new Map<string, ReadonlyMap<LimitedResource, number>>()
  let isClosed = false
  return {
    of: (token) => known.get(token),
    limit(token, resource, untilMs) {
      if (!isClosed) known.set(token, new Map([...(known.get(token) ?? []), [resource, untilMs]]))
    },
    lift(token, resource) {
      const rest = new Map([...(known.get(token) ?? [])].filter(([other]) => other !== resource))
      if (rest.size === 0) known.delete(token)
      else known.set(token, rest)
    },
    close() {
      isClosed = true
    },
  }
}
