import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'

export const redisReady = (connection: string): InternalEvent => ({
  emit(to) {
    to.gauge('coordination_redis_ready', 1, { connection })
    to.log('info', 'Redis answers.', { connection })
  },
})

/** Said when it begins; the tries that fail after that are only counted. */
export const redisAway = (connection: string, reason: string): InternalEvent => ({
  emit(to) {
    to.gauge('coordination_redis_ready', 0, { connection })
    to.log('warn', 'Redis is away; calls are refused until it answers again.', { connection, reason })
  },
})

export const redisConnectFailed = (connection: string): InternalEvent => ({
  emit(to) {
    to.count('coordination_redis_connects_failed_total', 1, { connection })
  },
})

export const redisWarned = (connection: string, warning: string, message: string): InternalEvent => ({
  emit(to) {
    to.log('warn', message, { connection, warning })
  },
})

export const redisSubscribeRefused = (channel: string, reason: string): InternalEvent => ({
  emit(to) {
    to.count('coordination_redis_subscriptions_refused_total')
    to.log('error', 'Redis does not let us listen to a channel; signals on it are not heard.', { channel, reason })
  },
})

export const limitedTokensRead = (resource: string, tokens: number): InternalEvent => ({
  emit(to) {
    to.gauge('coordination_limited_tokens', tokens, { resource })
  },
})

/** Said when it begins. */
export const limitedTokensNotRead = (reason: string): InternalEvent => ({
  emit(to) {
    to.log('warn', 'The quota sets cannot be read; what they said last counts until its time.', { reason })
  },
})

export const limitedTokensCut = (resource: string, tokensMax: number): InternalEvent => ({
  emit(to) {
    to.log('warn', 'A quota set has more tokens than are read (redis.quotaSetTokensMax); the others are not limited.', {
      resource,
      tokensMax,
    })
  },
})
