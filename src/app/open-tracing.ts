import type { Tracing } from '../kit/telemetry/tracing.ts'
import type { Config } from './config.ts'
import type { Role } from './supervisor/role-context.ts'

/** Undefined unless configured; the library is loaded only then. */
export async function openTracing({ tracing }: Config, role: Role): Promise<Tracing | undefined> {
  const { endpoint, samplePercent, queueSpansMax, exportTimeoutMs } = tracing
  if (endpoint === '') return undefined
  const { openOtlpTracing } = await import('../kit/telemetry/otlp-tracing.ts')
  return openOtlpTracing({
    endpoint,
    sampleRatio: samplePercent / 100,
    service: `sluice-${role}`,
    queueSpansMax,
    exportTimeoutMs,
  })
}
