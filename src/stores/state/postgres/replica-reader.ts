/**
 * Questions to a read replica that is known to be fresh enough; to the primary otherwise.
 *
 * How old the replica is, is measured by positions, not by clocks or by what the replica thinks of itself: one that is cut off
 * believes that it has everything. Now and then the primary is asked where it stands. The replica is as fresh as the latest of
 * these moments whose position it has replayed: it shows all that was committed before.
 *
 * Only for what reads and may be `lagMsMax` old. Whoever must see what he has just written asks the primary.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure, messageOf } from '../../../kit/failure.ts'
import type { SqlSession } from '../../../kit/sql-session.ts'

export interface ReplicaReaderOptions {
  readonly primary: SqlSession
  readonly replica: SqlSession
  /** An older replica is not asked. */
  readonly lagMsMax: number
  /** How often both are asked where they stand; a quarter of `lagMsMax` when not given. */
  readonly checkMs?: number
}

export interface ReplicaReader extends SqlSession {
  health(): ReplicaHealth
  /** Stops looking after the replica; the clients are their owner's. Safe to call twice. */
  close(): Promise<void>
}

export interface ReplicaHealth {
  /** Whether questions go to the replica now. */
  readonly isUsed: boolean
  /** How old its answers are at most; undefined when that is not known. */
  readonly lagMs?: number
  /** Why it is not used, when the last look at it failed. */
  readonly reason?: string
}

/** Moments kept: a replica further behind than all of them counts as one of which nothing is known. */
const momentsMax = 1000

/** Questions go to the primary until the replica was looked at for the first time. */
export function openReplicaReader(options: ReplicaReaderOptions): ReplicaReader {
  const { primary, replica, lagMsMax } = options
  const checkMs = options.checkMs ?? lagMsMax / 4
  const closed = new AbortController()
  /** Positions of the primary, oldest first, that the replica has not replayed yet. */
  let moments: { readonly atMs: number; readonly position: bigint }[] = []
  let freshAtMs: number | undefined
  let reason: string | undefined

  async function look(): Promise<void> {
    const atMs = performance.now()
    const [own] = await primary.query<{ readonly position: string }>('select pg_current_wal_lsn()::text as position')
    moments.push({ atMs, position: positionFrom(own?.position) })
    if (moments.length > momentsMax) moments.shift()
    const [other] = await replica.query<{ readonly standby: boolean; readonly position: string | null }>(
      'select pg_is_in_recovery() as standby, pg_last_wal_replay_lsn()::text as position',
    )
    if (other?.standby !== true || other.position === null)
      throw new Failure('SLUICE_STATE_REPLICA', 'The replica is no standby, so how old it is cannot be told.')
    const replayed = positionFrom(other.position)
    freshAtMs = moments.findLast(({ position }) => position <= replayed)?.atMs ?? freshAtMs
    moments = moments.filter(({ position }) => position > replayed)
    reason = undefined
  }

  async function lookAfter(): Promise<void> {
    while (!closed.signal.aborted) {
      await look().catch(leave)
      await sleep(checkMs, undefined, { signal: closed.signal, ref: false }).catch(() => undefined)
    }
  }

  function leave(error: unknown): void {
    freshAtMs = undefined
    reason = messageOf(error)
  }

  const lagMs = (): number | undefined => (freshAtMs === undefined ? undefined : performance.now() - freshAtMs)
  const isUsed = (lag = lagMs()): boolean => lag !== undefined && lag <= lagMsMax

  const looking = lookAfter()
  return {
    async query<Row extends object>(...question: Parameters<SqlSession['query']>): Promise<readonly Row[]> {
      if (!isUsed()) return await primary.query<Row>(...question)
      try {
        return await replica.query<Row>(...question)
      } catch (error) {
        // What took too long there would take as long here, and this is where events are admitted.
        const mayHelp = error instanceof Failure && error.retryable && error.code !== 'SLUICE_STATE_TIMEOUT'
        if (!mayHelp) throw error
        if (error.code === 'SLUICE_STATE_UNAVAILABLE') leave(error)
        return await primary.query<Row>(...question)
      }
    },
    health() {
      const lag = lagMs()
      return {
        isUsed: isUsed(lag),
        ...(lag === undefined ? {} : { lagMs: lag }),
        ...(reason === undefined ? {} : { reason }),
      }
    },
    async close() {
      closed.abort()
      await looking
    },
  }
}

/** `16/B374D848`: two halves of a number of bytes, in hexadecimal. */
function positionFrom(text: string | undefined): bigint {
  const [high = '0', low = '0'] = text?.split('/') ?? []
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}
