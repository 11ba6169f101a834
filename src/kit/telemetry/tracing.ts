/**
 * Traces of requests through the stages (C22), behind a port as small as what we use of OpenTelemetry. It is off unless configured, and
 * then nobody has one: whoever traces asks `tracing?.…`, which costs nothing.
 *
 * A trace crosses processes as a W3C `traceparent`, which the log keeps as a header of the record.
 */
export interface Tracing {
  /** Begins a span; without a parent that can be read, a new trace, sampled as configured. */
  span(name: string, options?: SpanOptions): Span
  /** Sends what is waiting, for a bounded time. */
  close(): Promise<void>
}

export interface SpanOptions {
  /** W3C `traceparent` of whoever caused it. */
  readonly parent?: string | undefined
  /** Unix milliseconds; now when not said. */
  readonly startMs?: number
  readonly attributes?: SpanAttributes
}

/** Names as in OpenTelemetry's semantic conventions where it has them. Never a token, an address or anything of an event's content. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>

export interface Span {
  /** To be handed on; undefined when the trace is not sampled, and then nothing of it needs to be kept. */
  readonly traceparent: string | undefined
  /** `error`: what went wrong, in a few words. */
  end(attributes?: SpanAttributes, error?: string): void
}
