/**
 * What a service is to the command `npm run services`.
 *
 * Words:
 * - service: what a test asks for by name, e.g. `kafka3`.
 * - member: one process of it, e.g. `kafka3-2`. A service with one member has its name.
 */
import type { Launch } from './daemon.ts'

export const serviceNames = ['kafka', 'kafka3', 'redis', 'postgres', 'clickhouse'] as const
export type ServiceName = (typeof serviceNames)[number]

/** Where one service lives. */
export interface Place {
  /** Its data; made before anything is asked of the service, removed by `down`. */
  readonly folder: string
  /** What was downloaded; kept by `down`. */
  readonly downloads: string
  /** As many ports for each member as the service asks for. */
  readonly ports: Readonly<Record<string, readonly number[]>>
}

export interface Service {
  readonly name: ServiceName
  readonly members: readonly string[]
  readonly portsEach: number
  /** What asks it politely to end. */
  readonly stopSignal: NodeJS.Signals
  /** Gets what is missing on this machine; throws SetupProblem when that needs somebody. */
  install(downloads: string, say: (line: string) => void): Promise<void>
  /** Makes the data of a member that has none, and its configuration. Called before each start. */
  prepare(member: string, place: Place): Promise<void>
  launch(member: string, place: Place): Promise<Launch>
  /** Resolves when nothing of an ended member is at work on the data any more, for services of several processes a member. */
  endLeftovers?(place: Place): Promise<void>
  /** Once all members run for the first time; must be safe to repeat. */
  finish?(place: Place): Promise<void>
  /** Asks the members something that only a working service answers; says what answered. Rejects otherwise, and soon. */
  ask(place: Place, members: readonly string[]): Promise<string>
  environment(place: Place): Readonly<Record<string, string>>
}

/** Somebody has to do something; what, says the message. */
export class SetupProblem extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SetupProblem'
  }
}

export function portOf(place: Place, member: string, index = 0): number {
  const port = place.ports[member]?.[index]
  if (port === undefined) throw new Error(`${member} has no port ${String(index)}.`)
  return port
}

export function isServiceName(text: string): text is ServiceName {
  return serviceNames.some((name) => name === text)
}
