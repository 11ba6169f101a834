/**
 * Metrics for Prometheus. A metric is made at its first use and named `sluice_<name>`; its label names are those of the
 * first use, later ones that it does not know are left out. A metric holds at most `seriesMax` label combinations:
 * further ones are counted together under the value `other`, so that no client can grow memory by inventing labels.
 */
import { AggregatorRegistry, Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'
import type { Labels, Telemetry } from './telemetry.ts'

export interface Metrics extends Pick<Telemetry, 'count' | 'gauge' | 'observe'> {
  readonly contentType: string
  /** The metrics in Prometheus' text format. `others` are what other processes' `snapshot` said; roles keep them apart. */
  exposition(others?: readonly MetricsSnapshot[]): Promise<string>
  /** The metrics as plain data, for the exposition of another process. */
  snapshot(): Promise<MetricsSnapshot>
}

/** What prom-client makes of a registry as JSON. */
export type MetricsSnapshot = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

const prefix = 'sluice_'
const overflow = 'other'

/** Buckets by the unit that a name ends with; each spans what that unit is used for here. */
const bucketsByUnit: readonly (readonly [suffix: string, buckets: readonly number[]])[] = [
  ['_seconds', [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]],
  ['_ms', [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000]],
  ['_bytes', [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864]],
  ['', [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000]],
]

/** One metric's series, keyed by their label values. */
interface Family<S> {
  readonly labelNames: readonly string[]
  readonly series: Map<string, S>
  readonly make: (labels: Record<string, string>) => S
}

interface Series {
  add(value: number): void
}

/**
 * Between two looks at how late the event loop is; the `nodejs_eventloop_lag_…` percentiles contain it. Each look wakes the process:
 * at prom-client's 10 ms that was most of what an idle one does.
 */
const eventLoopLookMs = 50

export interface MetricsOptions {
  readonly seriesMax: number
  /** Label `role` of every series, where several processes are shown together. */
  readonly role?: string
  readonly defaultMetrics?: boolean
}

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry()
  if (options.role !== undefined) registry.setDefaultLabels({ role: options.role })
  if (options.defaultMetrics ?? true)
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: eventLoopLookMs })
  const families = new Map<string, Family<Series>>()
  const registers = [registry]
  const help = (name: string) => `${name.replaceAll('_', ' ')}.`

  function seriesOf(
    name: string,
    labels: Labels | undefined,
    open: (name: string, labelNames: string[]) => (labels: Record<string, string>) => Series,
  ): Series {
    let family = families.get(name)
    if (family === undefined) {
      const labelNames = Object.keys(labels ?? {})
      family = { labelNames, series: new Map(), make: open(`${prefix}${name}`, labelNames) }
      families.set(name, family)
    }
    const { labelNames, series, make } = family
    const key = keyOf(labelNames, labels)
    const known = series.get(key)
    if (known !== undefined) return known
    const values = labelNames.map((label) => labels?.[label] ?? '')
    const full = series.size >= options.seriesMax
    const made = make(
      Object.fromEntries(labelNames.map((label, index) => [label, full ? overflow : (values[index] ?? '')])),
    )
    if (!full) series.set(key, made)
    return made
  }

  return {
    contentType: registry.contentType,
    async exposition(others = []) {
      if (others.length === 0) return registry.metrics()
      return AggregatorRegistry.aggregate([await registry.getMetricsAsJSON(), ...others]).metrics()
    },
    snapshot: () => registry.getMetricsAsJSON(),
    count(name, by = 1, labels) {
      seriesOf(name, labels, (fullName, labelNames) => {
        const counter = new Counter({ name: fullName, help: help(name), labelNames, registers })
        return (values) => {
          const series = counter.labels(values)
          return { add: (value) => series.inc(value) }
        }
      }).add(by)
    },
    gauge(name, value, labels) {
      seriesOf(name, labels, (fullName, labelNames) => {
        const gauge = new Gauge({ name: fullName, help: help(name), labelNames, registers })
        return (values) => {
          const series = gauge.labels(values)
          return { add: (next) => series.set(next) }
        }
      }).add(value)
    },
    observe(name, value, labels) {
      seriesOf(name, labels, (fullName, labelNames) => {
        const buckets = [...(bucketsByUnit.find(([suffix]) => name.endsWith(suffix))?.[1] ?? [])]
        const histogram = new Histogram({ name: fullName, help: help(name), labelNames, buckets, registers })
        return (values) => {
          const series = histogram.labels(values)
          return { add: (next) => series.observe(next) }
        }
      }).add(value)
    },
  }
}

/** Made for every count: nearly all metrics have one label or none. */
function keyOf(labelNames: readonly string[], labels: Labels | undefined): string {
  const [only] = labelNames
  if (only === undefined || labels === undefined) return ''
  return labelNames.length === 1 ? (labels[only] ?? '') : labelNames.map((label) => labels[label] ?? '').join('\0')
}
