import type { RedisConnection } from '../../coordination/redis/redis-connection.ts'

/** What FLUSHALL does to one test's keys on a Redis that others use as well. Closes the connection. */
export async function forgetAll(redis: RedisConnection, keyPrefix: string): Promise<void> {
  let cursor = '0'
  do {
    const reply = await redis.command('SCAN', cursor, 'MATCH', `${keyPrefix}*`, 'COUNT', '10000')
    const [next, keys] = reply as unknown as [string, readonly string[]]
    cursor = next
    if (keys.length > 0) await redis.command('DEL', ...keys)
  } while (cursor !== '0')
  await redis.close()
}
