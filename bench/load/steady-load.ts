import type { Pinning } from '../host/pinning.ts'
import { projectToken } from '../installation.ts'
import type { Installation } from '../installation.ts'
import { planOf } from './load-cases.ts'
import type { LoadResult } from './load-plan.ts'
import { runLoad } from './run-load.ts'

export interface SteadyLoad {
  readonly eventsPerSecond: number
  readonly seconds: number
  /** Events of one request. */
  readonly batch: number
  readonly seed: number
  /** On the disk that is watched meanwhile; without it none is. */
  readonly diskFolder?: string
}

const connections = 16

/** Events at a steady rate, without a warm-up: a load for something else that is measured meanwhile. */
export function steadyLoad(
  pinning: Pinning,
  installation: Installation,
  { eventsPerSecond, seconds, batch, seed, ...disk }: SteadyLoad,
): Promise<LoadResult> {
  const { edge, supervisor } = installation.pids()
  const size = { warmup: 0, measured: eventsPerSecond * seconds }
  const name = batch === 1 ? 'single' : 'batch'
  const one = { name, title: 'steady', batch, gzip: false, connections, size } as const
  const target = { port: installation.port, token: projectToken, measuredPid: edge, ownPids: [supervisor] }
  return runLoad({ ...planOf(one, target, seed), ...disk, requestsPerSecond: eventsPerSecond / batch }, pinning)
}
