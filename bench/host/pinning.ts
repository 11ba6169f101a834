/**
 * Who runs on which core: the server's processes together on one, the load generator on another, so that neither takes the
 * other's time. `taskset` (util-linux) does it; without it, or on a single core, nothing is pinned and the report says so.
 */
import { spawnSync } from 'node:child_process'
import { contentOf } from './proc.ts'

export type Place = 'server' | 'generator'

export interface Pinning {
  /** In words, for the report. */
  readonly description: string
  /** The command as it has to be spawned to run in this place. */
  command(place: Place, program: string, args: readonly string[]): readonly [program: string, args: readonly string[]]
}

export function choosePinning(): Pinning {
  const [serverCore, generatorCore] = permittedCores()
  const hasTaskset = spawnSync(taskset, ['--version'], { stdio: 'ignore' }).status === 0
  if (!hasTaskset || serverCore === undefined || generatorCore === undefined) {
    const why = hasTaskset ? 'there is only one core' : 'taskset (util-linux) is not installed'
    return { description: `nothing is pinned: ${why}`, command: (_, program, args) => [program, args] }
  }
  const coreOf: Record<Place, number> = { server: serverCore, generator: generatorCore }
  return {
    description: `all processes of the server on core ${String(serverCore)}, the generator on core ${String(generatorCore)}`,
    command: (place, program, args) => [taskset, ['-c', String(coreOf[place]), program, ...args]],
  }
}

const taskset = 'taskset'

/** From the kernel's list, like `0-3,8`. */
function permittedCores(): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(contentOf('/proc/self/status') ?? '')?.[1] ?? ''
  return list.split(',').flatMap((part) => {
    const [from = Number.NaN, to = from] = part.split('-').map(Number)
    return Array.from({ length: Number.isInteger(from) ? to - from + 1 : 0 }, (_, n) => from + n)
  })
}
