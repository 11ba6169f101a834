import { lanes } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'

/** Every lane in the same journal. */
export function oneFolder(folder: string): Readonly<Record<Lane, string>> {
  return Object.fromEntries(lanes.map((lane) => [lane, folder])) as Record<Lane, string>
}
