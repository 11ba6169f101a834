/** The three kinds of load at the door; the floors are measured under the same. */
import type { LoadSize, Sizes } from '../bench-context.ts'
import type { LoadPlan } from './load-plan.ts'

export type CaseName = 'single' | 'batch' | 'gzip'

export interface LoadCase {
  readonly name: CaseName
  readonly title: string
  readonly batch: number
  readonly gzip: boolean
  readonly connections: number
  readonly size: LoadSize
}

export function loadCases(sizes: Sizes): readonly LoadCase[] {
  const batches = { batch: 50, connections: 16, size: sizes.batch }
  return [
    {
      name: 'single',
      title: 'single events, 64 connections',
      batch: 1,
      gzip: false,
      connections: 64,
      size: sizes.single,
    },
    { name: 'batch', title: 'batches of 50, plain, 16 connections', gzip: false, ...batches },
    { name: 'gzip', title: 'batches of 50, gzip, 16 connections', gzip: true, ...batches },
  ]
}

export type Target = Pick<LoadPlan, 'port' | 'token' | 'measuredPid' | 'ownPids'>

export function planOf({ batch, gzip, connections, size }: LoadCase, target: Target, seed: number): LoadPlan {
  return {
    ...target,
    host: '127.0.0.1',
    path: '/batch/',
    batch,
    gzip,
    connections,
    warmupRequests: Math.ceil(size.warmup / batch),
    requests: Math.ceil(size.measured / batch),
    seed,
  }
}
