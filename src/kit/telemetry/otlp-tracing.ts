/** Traces sent as OTLP over HTTP. Loaded only when tracing is configured. */
import { ROOT_CONTEXT, SpanStatusCode, TraceFlags, isSpanContextValid, trace } from '@opentelemetry/api'
import type { Context } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base'
import type { Tracing } from './tracing.ts'

export interface OtlpTracingOptions {
  /** Where spans are posted, e.g. `http://127.0.0.1:4318/v1/traces`. */
  readonly endpoint: string
  /** Which part of the traces that begin here is kept, 0 to 1; a trace from outside is kept when its parent is. */
  readonly sampleRatio: number
  /** Whose spans these are, e.g. `sluice-edge`. */
  readonly service: string
  /** Spans that may wait for the collector; further ones are lost, which a trace can bear. */
  readonly queueSpansMax: number
  readonly exportTimeoutMs: number
}

export function openOtlpTracing(options: OtlpTracingOptions): Tracing {
  const { endpoint, sampleRatio, service, queueSpansMax, exportTimeoutMs } = options
  const exporter = new OTLPTraceExporter({ url: endpoint, timeoutMillis: exportTimeoutMs })
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [
      new BatchSpanProcessor(exporter, {
        maxQueueSize: queueSpansMax,
        maxExportBatchSize: Math.min(512, queueSpansMax),
        scheduledDelayMillis: 1000,
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
    forceFlushTimeoutMillis: exportTimeoutMs,
  })
  const tracer = provider.getTracer('sluice')

  return {
    span(name, { parent, startMs, attributes = {} } = {}) {
      const span = tracer.startSpan(
        name,
        { attributes, ...(startMs === undefined ? {} : { startTime: startMs }) },
        contextOf(parent),
      )
      const { traceId, spanId, traceFlags } = span.spanContext()
      const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0
      return {
        traceparent: isSampled ? `00-${traceId}-${spanId}-01` : undefined,
        end(more, error) {
          if (more !== undefined) span.setAttributes(more)
          if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error })
          span.end()
        },
      }
    },
    // A collector that is away must not hold up a stop, nor make it fail.
    close: () => provider.shutdown().catch(() => undefined),
  }
}

/** https://www.w3.org/TR/trace-context/#traceparent-header, version 00 and those to come. */
function contextOf(traceparent: string | undefined): Context {
  const [, version, traceId = '', spanId = '', flags = ''] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(traceparent ?? '') ?? []
  const parent = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  if (version === undefined || version === 'ff' || !isSpanContextValid(parent)) return ROOT_CONTEXT
  return trace.setSpanContext(ROOT_CONTEXT, parent)
}
