/**
 * May these events enter? Rules in the order of C9, then the one durable step:
 *
 * ```
 *  token ─► (quota, rate: a later issue) ─► duplicate + append, together, in the intake
 * ```
 */
import type { DoorVerdict } from '../../event/door-verdict.ts'
import type { Lane } from '../../event/position.ts'
import { parseUuid, uuidV7 } from '../../event/uuid.ts'
import type { UuidWords } from '../../event/uuid.ts'
import type { Intake, IntakeEvent } from '../../stores/intake/intake.ts'
import { createDuplicateKeys } from './duplicate-key.ts'
import { lookAtToken } from './rules/token.ts'
import type { TokenDirectory } from '../../stores/state/token-directory.ts'

/** One request, read: what capture hands over. */
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

export type Admission =
  | { readonly kind: 'admitted'; readonly answers: 'sdk' | 'strict'; readonly outcomes: readonly AdmittedEvent[] }
  | { readonly kind: 'unknown_token' }
  /** The project wants requests signed, and this one is not, or not well. */
  | { readonly kind: 'unsigned'; readonly reason: string }
  /** The token may not write any of these events. */
  | { readonly kind: 'forbidden'; readonly reason: string }
  /** The project wants all or nothing, and an event is invalid (design §4.2). */
  | { readonly kind: 'refused_whole'; readonly index: number; readonly reason: string }

export interface AdmittedEvent {
  readonly verdict: DoorVerdict
  /** Place in what the client sent, 0-based. */
  readonly index: number
  readonly uuid: UuidWords
  readonly lane: Lane
  /** -1, as the offset, for an event that is kept nowhere. */
  readonly partition: number
  readonly offset: number
  readonly refusal: string | undefined
  /** What was used up, of an event that met a limit: `events`, `recordings`, …, or the event's name. */
  readonly limited?: { readonly resource: string; readonly retryAfterMs: number }
  /** Stored, but persons are not worked out for it. */
  readonly isPersonless?: boolean
}

export type Admit = (request: ReadRequest) => Promise<Admission>

export interface AdmissionDeps {
  readonly intake: Intake
  readonly tokens: Pick<TokenDirectory, 'lookup' | 'confirm'>
  /** Random bytes of this installation; see `duplicate-key.ts`. */
  readonly duplicateKeySecret: Buffer
  /** The health check's own project token. */
  readonly canaryToken: string
}

export function createAdmission({ intake, tokens, duplicateKeySecret, canaryToken }: AdmissionDeps): Admit {
  const duplicateKeyOf = createDuplicateKeys(duplicateKeySecret)

  return async function admit({ body, sentBody, hasLargeValues = false, token, ip, nowMs, sentAtMs, events }) {
    const isCanary = token === canaryToken
    let answers: 'sdk' | 'strict' = 'sdk'
    if (!isCanary) {
      const look = await lookAtToken(tokens, token)
      if (look.kind === 'unknown') return { kind: 'unknown_token' }
      if (look.kind === 'known') answers = look.answers
      if (answers === 'strict') {
        const bad = events.find(({ refusal }) => refusal !== undefined)
        if (bad?.refusal !== undefined) return { kind: 'refused_whole', index: bad.index, reason: bad.refusal }
      }
    }
    const prepared = events.map((event): IntakeEvent => {
      const { start, end, distinctId, name, timestampText, refusal } = event
      const clientUuid = event.uuid === undefined ? undefined : parseUuid(event.uuid)
      // A uuid made here tells two copies apart by nothing: only what the client sent does.
      const duplicateKey = duplicateKeyOf(token, { uuid: clientUuid, distinctId, name, timestampText })
      const uuid = clientUuid ?? madeUuid(nowMs)
      const lane = 'events_plugin_ingestion'
      const prepared = {
        start,
        end,
        uuid,
        distinctId,
        lane,
        partitionKey: `${token}:${distinctId}`,
        duplicateKey,
      } as const
      return refusal === undefined ? prepared : { ...prepared, refusal }
    })
    const outcomes = await intake.submit({
      body,
      sentBody,
      hasLargeValues,
      token,
      ip,
      nowMs,
      sentAtMs,
      isCanary,
      events: prepared,
    })
    return {
      kind: 'admitted',
      answers,
      outcomes: outcomes.map(({ verdict, lane, partition, offset }, at): AdmittedEvent => {
        const uuid = prepared[at]?.uuid ?? [0, 0, 0, 0]
        const { index = at, refusal } = events[at] ?? {}
        return { verdict, lane, partition, offset, uuid, index, refusal }
      }),
    }
  }
}

function madeUuid(nowMs: number): UuidWords {
  return parseUuid(uuidV7(nowMs)) ?? [0, 0, 0, 0]
}
