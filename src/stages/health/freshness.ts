/** How complete what can be asked for is, and how long anything waits. */
export interface Freshness {
  /** Everything accepted up to this time can be asked for, Unix milliseconds. */
  readonly completeThroughMs: number
  /** Accepted events that cannot be asked for yet; canaries are not among them. */
  readonly waitingEvents: number
  /** Age of the oldest record that waits, canaries included; null when there is none. */
  readonly oldestWaitingMs: number | null
  /** The same of urgent lanes alone (`event/flows.ts`). */
  readonly oldestUrgentWaitingMs: number | null
}

/**
 * When what waits is late. Patient lanes have a bound of their own: a migration of some hours waits as it is meant to, and that must
 * not make an installation unready that takes everything else at once.
 */
export interface Lateness {
  /** Of urgent lanes. */
  readonly oldestWaitingMsMax: number
  readonly oldestPatientWaitingMsMax: number
}

export function isLate({ oldestWaitingMs, oldestUrgentWaitingMs }: Freshness, lateness: Lateness): boolean {
  return (
    (oldestUrgentWaitingMs ?? 0) > lateness.oldestWaitingMsMax ||
    (oldestWaitingMs ?? 0) > lateness.oldestPatientWaitingMsMax
  )
}

/** Of all flows together. */
export function freshnessOfAll(flows: readonly Freshness[]): Freshness {
  return {
    completeThroughMs: Math.min(...flows.map((flow) => flow.completeThroughMs)),
    waitingEvents: flows.reduce((sum, flow) => sum + flow.waitingEvents, 0),
    oldestWaitingMs: olderOf(flows.map((flow) => flow.oldestWaitingMs)),
    oldestUrgentWaitingMs: olderOf(flows.map((flow) => flow.oldestUrgentWaitingMs)),
  }
}

/** The largest; null when there is none. */
export function olderOf(ages: readonly (number | null)[]): number | null {
  return ages.reduce((oldest, age) => (age === null ? oldest : Math.max(oldest ?? 0, age)), null)
}
