/** What a row of the wire's table says: a request, its answer, and what is kept because of it. */
import type { Lane } from '../../src/event/position.ts'
import type { Requested } from './exchange.ts'

export interface Row {
  /** Of the capture spec, or an id of the requirements. */
  readonly section: string
  /** In the present tense, with the condition last. */
  readonly promise: string
  /** Sent before, for rows about a second request; not looked at. */
  readonly first?: Requested
  readonly send: Requested | Buffer
  readonly answer: ExpectedAnswer
  /** All that is kept, in order; nothing when not given. */
  readonly kept?: readonly ExpectedRecord[]
}

export interface ExpectedAnswer {
  readonly status: number
  /** The whole body, or what it looks like. */
  readonly text?: string | RegExp
  readonly json?: unknown
  /** `text` and `json` say which unless this does. */
  readonly type?: string
  /** undefined: must not be there. */
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>
}

export interface ExpectedRecord {
  /** `events_plugin_ingestion` when not given. */
  readonly lane?: Lane
  readonly token?: string
  readonly distinctId: string
  /** The client's; one of version 7 is made when not given. */
  readonly uuid?: string
  /** The event as JSON; compared by value. */
  readonly event?: unknown
  /** The event's very bytes. */
  readonly bytes?: string
  /** What its partition comes from; `{token}:{distinct_id}` when not given. */
  readonly key?: string
  /** Further headers of the record; undefined: must not be there. */
  readonly headers?: Readonly<Record<string, string | RegExp | undefined>>
}

export const token = 'phc_wire'
export const formType = 'application/x-www-form-urlencoded'

export const ok: ExpectedAnswer = { status: 200, json: { status: 'Ok' } }

/** A plain-text refusal: the whole text, or what it looks like. */
export function refused(status: number, text: string | RegExp): ExpectedAnswer {
  return { status, text }
}

/** A good event, with whatever is different about it. `undefined` takes a field away. */
export function anEvent(own: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { event: 'seen', distinct_id: 'ada', token, properties: { n: 1 }, ...own }
}

export function json(value: unknown): string {
  return JSON.stringify(value)
}

export function aBatch(events: readonly unknown[], own: Readonly<Record<string, unknown>> = {}): string {
  return json({ api_key: token, batch: events, ...own })
}

/** The record of an event that is kept as it was sent. */
export function keptAs(event: unknown, own: Partial<ExpectedRecord> = {}): ExpectedRecord {
  return { distinctId: 'ada', event: JSON.parse(json(event)) as unknown, ...own }
}

/** The record of an event that was refused by itself. */
export function deadLetter(reason: string | RegExp, own: Partial<ExpectedRecord> = {}): ExpectedRecord {
  return { lane: 'events_plugin_ingestion_dlq', distinctId: 'ada', headers: { reason }, ...own }
}
