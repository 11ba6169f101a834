/** What capture hands over. It mirrors this in `AdmitRequest`, because stages do not import each other. */

import type { UuidWords } from '../../event/uuid.ts'

/** One request, read. */
export interface ReadRequest {
  /** Ordinary events, or one recording (capture spec §14): a single event that is the whole body. */
  readonly kind: 'events' | 'recording'
  readonly body: Buffer
  /** See `IntakeRequest`. */
  readonly sentBody?: { readonly encoding: 'gzip'; readonly bytes: Buffer } | undefined
  readonly hasLargeValues?: boolean
  readonly token: string
  readonly ip: string
  readonly nowMs: number
  readonly sentAtMs: number | undefined
  /** The batch says that its events are a migration's (capture spec §4.2). */
  readonly historicalMigration: boolean
  /** What of the request a signature covers; see `rules/signature.ts`. */
  readonly signed: SignedRequest
  /** What else is kept with all events of the request, as headers of their records: a recording's session, a trace. */
  readonly headers?: Readonly<Record<string, string>>
  readonly events: readonly ReadRequestEvent[]
}

export interface SignedRequest {
  readonly method: string
  /** Path and query as they were sent. */
  readonly target: string
  /** The header `sluice-signature`. */
  readonly signature: string | undefined
  /** The body as it was sent, before anything was decoded. */
  readonly sentBody: Buffer
}

export interface ReadRequestEvent {
  /** Place in what the client sent, 0-based. */
  readonly index: number
  readonly start: number
  readonly end: number
  readonly name: string
  /** The client's, in lower case with hyphens. */
  readonly uuid: string | undefined
  /** The same as numbers, where they are known already. */
  readonly uuidWords?: UuidWords | undefined
  readonly distinctId: string
  /** `$session_id`, where it is a string of at most 200 characters. */
  readonly sessionId: string | undefined
  readonly timestampText: string | undefined
  /** `$cookieless_mode` (capture spec §9). */
  readonly isCookieless: boolean
  /** It has a property `capture_internal` (capture spec §9). */
  readonly isInternal: boolean
  /** It has what a heatmap is made of though it is none itself (capture spec §11.1). */
  readonly hasHeatmap: boolean
  /** Its distinct id is one that stands for nobody (capture spec §6, v1): persons are not worked out for it. */
  readonly isPersonless?: boolean
  /** Why capture found the event invalid; the others of the request may be good. */
  readonly refusal: string | undefined
}
