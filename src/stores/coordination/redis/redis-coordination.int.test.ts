import { randomUUID } from 'node:crypto'
import { service } from '../../../kit/service.fixtures.ts'
import { describeCoordination } from '../coordination.contract.ts'
import { openRedisConnection } from './redis-connection.ts'
import { openRedisCoordination } from './redis-coordination.ts'

const redis = service('REDIS_URL')

describeCoordination(
  'Redis',
  async () => {
    const keyPrefix = `test-${randomUUID()}:`
    const url = redis.address
    const cleaner = openRedisConnection({ url, name: 'cleaner' })
    /** What FLUSHALL does, to our own keys: others test on the same server. */
    const forget = async (): Promise<void> => {
      let cursor = '0'
      do {
        const reply = await cleaner.command('SCAN', cursor, 'MATCH', `${keyPrefix}*`, 'COUNT', 1000)
        const [next, keys] = reply as readonly [string, readonly string[]]
        if (keys.length > 0) await cleaner.command('DEL', ...keys)
        cursor = next
      } while (cursor !== '0')
    }
    return {
      open: (bounds) =>
        openRedisCoordination({
          url,
          name: 'test',
          keyPrefix,
          commandTimeoutMs: 10_000,
          ...(bounds === undefined ? {} : { bounds }),
        }),
      forget,
      async close() {
        await forget()
        await cleaner.close()
      },
    }
  },
  { skip: redis.skip },
)
