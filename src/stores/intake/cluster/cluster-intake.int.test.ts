import { randomBytes } from 'node:crypto'
import { describe } from 'node:test'
import { service } from '../../../kit/service.fixtures.ts'
import { describeIntake } from '../intake.contract.ts'
import { reopenedIntake } from './reopened-intake.fixtures.ts'
import { testLanes } from './source-lanes.fixtures.ts'

const { address, skip } = service('REDIS_URL')

describe('the cluster intake on Redis, with lanes in memory', { skip }, () => {
  describeIntake('the cluster intake', (wanted) => {
    const lanes = testLanes()
    return reopenedIntake(wanted, {
      redisUrl: address,
      keyPrefix: `t-${randomBytes(6).toString('hex')}:`,
      duplicateWindowMs: 60_000,
      lanes: () => lanes,
    })
  })
})
