import { describeLimitedTokens } from '../limited-tokens.contract.ts'
import { createMemoryLimitedTokens } from './memory-limited-tokens.ts'

describeLimitedTokens('memory', () => {
  const tokens = createMemoryLimitedTokens()
  const done = Promise.resolve()
  return Promise.resolve({
    tokens,
    limit(...limited) {
      tokens.limit(...limited)
      return done
    },
    lift(...lifted) {
      tokens.lift(...lifted)
      return done
    },
    close() {
      tokens.close()
      return done
    },
  })
})
