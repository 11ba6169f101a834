import { randomBytes } from 'node:crypto'
import { describe } from 'node:test'
import { service } from '../../../kit/service.fixtures.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { openRedisConnection } from '../../coordination/redis/redis-connection.ts'
import { describeIntake } from '../intake.contract.ts'
import { openClusterIntake } from './cluster-intake.ts'
import { forgetAll } from './forget.fixtures.ts'
import { testLanes } from './source-lanes.fixtures.ts'

const { address, skip } = service('REDIS_URL')

describe('the cluster intake on Redis, with lanes in memory', { skip }, () => {
  describeIntake('the cluster intake', async ({ limitKeysMax, now }) => {
    const keyPrefix = `t-${randomBytes(6).toString('hex')}:`
    const lanes = testLanes()
    const connect = () => openRedisConnection({ url: address, name: 'test', keyPrefix })
    const open = () =>
      openClusterIntake({
        lanes,
        redis: connect(),
        whenAway: 'closed',
        duplicateWindowMs: 60_000,
        limitKeysMax,
        queueBytesMax: 64 * 1024 * 1024,
        owedKeysMax: 10_000,
        telemetry: silent,
        now,
      })
    const intake = await open()
    return {
      intake,
      close: () => intake.close(),
      reopen: async () => {
        const again = await open()
        return { intake: again, close: () => again.close() }
      },
      forget: () => forgetAll(connect(), keyPrefix),
    }
  })
})
