import type { InternalEvent, Telemetry } from '../../kit/telemetry/telemetry.ts'

/** What happens too often for a line of its own is counted; a summary says it now and then. */
export interface EdgeEvents {
  connectionRefused(): void
  requestOverBudget(): void
  requestUnreadable(code: string): void
}

export function createEdgeEvents(telemetry: Telemetry): EdgeEvents {
  return {
    connectionRefused: () => telemetry.count('edge_connections_refused_total'),
    requestOverBudget: () => telemetry.count('edge_requests_over_budget_total'),
    requestUnreadable: (code) => telemetry.count('edge_requests_unreadable_total', 1, { code }),
  }
}

export const loadSeen = (seen: {
  readonly connections: number
  readonly sources: number
  readonly isOverloaded: boolean
}): InternalEvent => ({
  emit(to) {
    to.gauge('edge_connections', seen.connections)
    to.gauge('edge_sources', seen.sources)
    to.gauge('edge_overloaded', seen.isOverloaded ? 1 : 0)
  },
})

/** How evenly events fall on partitions: where each one ends, by source index. */
export const partitionsSeen = (ends: readonly number[]): InternalEvent => ({
  emit(to) {
    for (const [index, end] of ends.entries()) to.gauge('intake_partition_end', end, { source_index: String(index) })
  },
})

export const certificateTaken = (file: string, expires: string, isExpired: boolean): InternalEvent => ({
  emit(to) {
    if (isExpired) to.log('error', 'The TLS certificate has expired: clients will refuse it.', { file, expires })
    else to.log('info', 'The TLS certificate was read.', { file, expires })
  },
})

export const certificateKept = (problem: string): InternalEvent => ({
  emit(to) {
    to.count('edge_certificates_refused_total')
    to.log('error', 'The TLS certificate is not usable: the one before is kept, if there was one.', { problem })
  },
})

export const settingsTaken = (changed: readonly string[]): InternalEvent => ({
  emit(to) {
    to.log('info', 'Changed settings act from now on.', { changed })
  },
})
