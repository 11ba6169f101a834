/**
 * What the program says about itself. A stage defines its events in `<stage>.events.ts`: one function an event that
 * decides log line and metric together; business code only calls `emit`.
 *
 * Levels: ERROR = data lost or someone must act; WARN = recovered; INFO = lifecycle; nothing per event above DEBUG.
 * Metric names: `<stage>_<noun>_<verb>_total`, the unit before `_total`.
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type Labels = Readonly<Record<string, string>>
export type LogFields = Readonly<Record<string, unknown>>

export interface Telemetry {
  /** One JSON line. `message` is a sentence with a capital and a full stop; data goes into fields. */
  log(level: LogLevel, message: string, fields?: LogFields): void
  /** Adds to a counter. */
  count(name: string, by?: number, labels?: Labels): void
  /** Sets a gauge. */
  gauge(name: string, value: number, labels?: Labels): void
  /** Adds to a histogram, in the unit that the name ends with. */
  observe(name: string, value: number, labels?: Labels): void
}

/** Something that happened: one definition decides its log line and its metrics. */
export interface InternalEvent {
  emit(to: Telemetry): void
}

/** For tests and for library-like uses: says nothing. */
export const silent: Telemetry = {
  log: () => undefined,
  count: () => undefined,
  gauge: () => undefined,
  observe: () => undefined,
}
