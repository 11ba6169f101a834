/**
 * Who runs on which core. Apart: the server's processes together on one, the load generator on another, so that neither takes the
 * other's time. `taskset` (util-linux) does it; without it or `chrt`, or on a single core, nothing is pinned and the report says so.
 * Shared: everybody on all of them, for targets that are stated for the machine as its users have it.
 *
 * Attackers have what is left of the generator's cores (SCHED_IDLE, by `chrt` of the same package): real ones have
 * machines of their own. The lowest niceness is not low enough: beside a program that does nothing but count, at niceness 19, the
 * client on that core saw a 99th percentile of 12 to 34 ms instead of 4, beside the same one at SCHED_IDLE 4.
 */
import { spawnSync } from 'node:child_process'
import { contentOf } from './proc.ts'

export type Place = 'server' | 'generator' | 'attackers'

export interface Pinning {
  /** In words, for the report. */
  readonly description: string
  /** The command as it has to be spawned to run in this place. */
  command(place: Place, program: string, args: readonly string[]): readonly [program: string, args: readonly string[]]
}

export function apart(): Pinning {
  const [serverCore, generatorCore] = permittedCores()
  const hasTools = hasTool('taskset') && hasTool('chrt')
  if (!hasTools || serverCore === undefined || generatorCore === undefined) {
    const why = hasTools ? 'there is only one core' : 'taskset and chrt (util-linux) are not installed'
    return { ...shared(), description: `none: ${why}` }
  }
  const on = (core: number, ...command: readonly string[]) => ['taskset', ['-c', String(core), ...command]] as const
  return {
    description: `all processes of the server on core ${String(serverCore)}, the generator on core ${String(generatorCore)}`,
    command(place, program, args) {
      switch (place) {
        case 'server':
          return on(serverCore, program, ...args)
        case 'generator':
          return on(generatorCore, program, ...args)
        case 'attackers':
          return on(generatorCore, ...leftovers, program, ...args)
      }
    },
  }
}

export function shared(): Pinning {
  const [last, ...lastArgs] = hasTool('chrt') ? leftovers : (['nice', '-n', '19'] as const)
  return {
    description: 'none, everybody shares all cores',
    command: (place, program, args) =>
      place === 'attackers' ? [last, [...lastArgs, program, ...args]] : [program, args],
  }
}

const leftovers = ['chrt', '--idle', '0'] as const

function hasTool(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0
}

/** From the kernel's list, like `0-3,8`. */
function permittedCores(): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(contentOf('/proc/self/status') ?? '')?.[1] ?? ''
  return list.split(',').flatMap((part) => {
    const [from = Number.NaN, to = from] = part.split('-').map(Number)
    return Array.from({ length: Number.isInteger(from) ? to - from + 1 : 0 }, (_, n) => from + n)
  })
}
