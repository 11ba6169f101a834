/**
 * May these events enter? Rules in the order of C9, then the one durable step:
 *
 * ```
 *  token ─► (quota, rate: a later issue) ─► duplicate + append, together, in the intake
 * ```
 */
import { parseUuid, uuidV7 } from '../../event/uuid.ts'
import type { UuidWords } from '../../event/uuid.ts'
import type { Intake, IntakeEvent, Outcome } from '../../stores/intake/intake.ts'
import { createDuplicateKeys } from './duplicate-key.ts'
import { lookAtToken } from './rules/token.ts'
import type { TokenDirectory } from '../../stores/state/token-directory.ts'

/** One request, read: what capture hands over. */
export interface ReadRequest {
  readonly body: Buffer
  readonly token: string
  readonly ip: string
  readonly nowMs: number
  readonly sentAtMs: number | undefined
  readonly events: readonly ReadRequestEvent[]
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
  readonly timestampText: string | undefined
  /** Why capture found the event invalid; the others of the request may be good. */
  readonly refusal: string | undefined
}

export type Admission =
  | { readonly kind: 'admitted'; readonly outcomes: readonly AdmittedEvent[] }
  | { readonly kind: 'unknown_token' }
  /** The project wants all or nothing, and an event is invalid (design §4.2). */
  | { readonly kind: 'refused_whole'; readonly index: number; readonly reason: string }

export interface AdmittedEvent extends Outcome {
  /** Place in what the client sent, 0-based. */
  readonly index: number
  readonly uuid: UuidWords
  readonly refusal: string | undefined
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

  return async function admit({ body, token, ip, nowMs, sentAtMs, events }) {
    const isCanary = token === canaryToken
    if (!isCanary) {
      const look = await lookAtToken(tokens, token)
      if (look.kind === 'unknown') return { kind: 'unknown_token' }
      if (look.kind === 'known' && look.answers === 'strict') {
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
      return refusal === undefined
        ? { start, end, uuid, distinctId, duplicateKey }
        : { start, end, uuid, distinctId, duplicateKey, refusal }
    })
    const outcomes = await intake.submit({ body, token, ip, nowMs, sentAtMs, isCanary, events: prepared })
    return {
      kind: 'admitted',
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
