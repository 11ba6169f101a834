import { silent } from '../../../kit/telemetry/telemetry.ts'
import { openRedisConnection } from '../../coordination/redis/redis-connection.ts'
import type { SourceLanes } from '../../log/source-lanes.ts'
import type { WantedIntake } from '../intake.contract.ts'
import { openClusterIntake } from './cluster-intake.ts'
import { forgetAll } from './forget.fixtures.ts'

export interface Beneath {
  readonly redisUrl: string
  /** Of the keys in Redis, of nobody else. */
  readonly keyPrefix: string
  readonly duplicateWindowMs: number
  /** Called for each intake that is opened. */
  readonly lanes: () => SourceLanes
}

/** The cluster intake as the contract of intakes wants it: opened again over the same Redis and the same lanes. */
export async function reopenedIntake({ limitKeysMax, now }: WantedIntake, beneath: Beneath) {
  const { redisUrl, keyPrefix, duplicateWindowMs, lanes } = beneath
  const connect = () => openRedisConnection({ url: redisUrl, name: 'test', keyPrefix })
  const open = async () => {
    const intake = await openClusterIntake({
      lanes: lanes(),
      redis: connect(),
      whenAway: 'closed',
      duplicateWindowMs,
      limitKeysMax,
      queueBytesMax: 64 * 1024 * 1024,
      owedKeysMax: 10_000,
      telemetry: silent,
      now,
    })
    return { intake, close: () => intake.close() }
  }
  return { ...(await open()), reopen: open, forget: () => forgetAll(connect(), keyPrefix) }
}
