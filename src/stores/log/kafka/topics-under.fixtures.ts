import type { Lane } from '../../../event/position.ts'

/** Topics called as their lanes, with a prefix of a test's own. */
export function topicsUnder(prefix: string): (lane: Lane) => string {
  return (lane) => prefix + lane
}
