/** What the hostile clients are asked for, and what they tell; both travel as JSON between two processes. */
export const hostileKinds = [
  'slow headers',
  'slow bodies',
  'endless bodies',
  'gzip bombs',
  'good floods',
  'bad floods',
  'connection floods',
] as const
export type HostileKind = (typeof hostileKinds)[number]

export interface HostilePlan {
  readonly port: number
  readonly token: string
  readonly seconds: number
  /** Client n comes from 127.0.0.(2 + n) and is of the kind n modulo their number. */
  readonly clients: number
  readonly seed: number
}

export interface HostileResult {
  /** Good events that were answered with 200, of the floods of good ones. */
  readonly acknowledgedEvents: number
  readonly unacknowledgedEvents: number
  readonly byKind: Readonly<Record<HostileKind, HostileCounts>>
}

export interface HostileCounts {
  connections: number
  /** Closed by the server, or never let in. */
  broken: number
  /** Answers by status. */
  answers: Record<string, number>
}
