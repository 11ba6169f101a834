import type { Noise } from '../host/noise.ts'

export function noiseNote(runs: readonly Noise[]): string {
  const most = (value: (run: Noise) => number) => Math.max(...runs.map(value)).toFixed(2)
  return `Noise: in the worst run others used ${most(({ otherCores }) => otherCores)} cores and the host kept ${most(({ stolenCores }) => stolenCores)}.`
}
