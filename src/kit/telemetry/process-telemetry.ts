/** What one process says about itself: its log and its metrics behind the one `Telemetry` that the stages know. */
import type { LineSink } from './json-log.ts'
import { createJsonLog } from './json-log.ts'
import type { Metrics } from './metrics.ts'
import { createMetrics } from './metrics.ts'
import type { LogLevel, Telemetry } from './telemetry.ts'

export interface ProcessTelemetry extends Telemetry {
  /** The same telemetry, its lines signed `<role>/<stage>`. */
  of(stage: string): Telemetry
  /** From now on, and for every stage. */
  readonly setLevel: (level: LogLevel) => void
  readonly metrics: Pick<Metrics, 'contentType' | 'exposition' | 'snapshot'>
}

export function createProcessTelemetry(options: {
  readonly role: string
  readonly level: LogLevel
  readonly seriesMax: number
  readonly sink?: LineSink
}): ProcessTelemetry {
  const { role, level, seriesMax, sink } = options
  const root = createJsonLog({ caller: role, level, ...(sink === undefined ? {} : { sink }) })
  const metrics = createMetrics({ seriesMax, role })
  const { count, gauge, observe } = metrics
  return {
    log: root.log,
    count,
    gauge,
    observe,
    setLevel: root.setLevel,
    of: (stage) => ({ log: root.as(`${role}/${stage}`).log, count, gauge, observe }),
    metrics,
  }
}
