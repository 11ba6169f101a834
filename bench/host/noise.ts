/** What everybody else did on the machine meanwhile: the first thing to look at when a run stands out. */
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuOf, machineCpu } from './proc.ts'

export interface Noise {
  /** CPU that neither the given families nor this process used, in cores. */
  readonly otherCores: number
  /** What the host kept for others, in cores. */
  readonly stolenCores: number
}

/** Begins to watch; the result says what has happened since. */
export function watchNoise(ownPids: readonly number[]): () => Noise {
  const own = () => {
    const { user, system } = process.cpuUsage()
    return ownPids.map((pid) => cpuOf(pid)).reduce((sum, used) => sum + used.userUs + used.systemUs, user + system)
  }
  const beganMs = performance.now()
  const machine = machineCpu()
  const ownUs = own()
  return () => {
    const now = machineCpu()
    const elapsedUs = (performance.now() - beganMs) * 1000
    return {
      otherCores: Math.max(0, now.busyUs - machine.busyUs - (own() - ownUs)) / elapsedUs,
      stolenCores: (now.stolenUs - machine.stolenUs) / elapsedUs,
    }
  }
}

/** Waits until everybody else uses less than this many cores for a second, but not for ever. */
export async function untilQuiet(coresMax: number, ownPids: readonly number[]): Promise<void> {
  const giveUpMs = performance.now() + quietTimeoutMs
  while (performance.now() < giveUpMs) {
    const noise = watchNoise(ownPids)
    await sleep(1000)
    if (noise().otherCores < coresMax) return
  }
}

const quietTimeoutMs = 120_000
