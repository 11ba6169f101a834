/**
 * May these events enter? Rules in the order of C9, one file each in `rules/`, then the one durable step:
 *
 * ```
 *  token ─► signature ─► permission ─► restrictions, routing, limits ─► duplicate, quota, rate, append: together, in the intake
 *    └──────────┴────────────┴─ whole requests are turned away; single events of it in `prepare-events.ts`
 * ```
 *
 * What a project says about its events comes with its token (`door-policy.ts`); where nobody is sure about a token, nothing is said.
 * The health check's own events pass everything.
 */
import type { DoorVerdict } from '../../event/door-verdict.ts'
import { eventMarks } from '../../event/event-marks.ts'
import type { Lane } from '../../event/position.ts'
import type { UuidWords } from '../../event/uuid.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import type { LimitedTokens } from '../../stores/coordination/limited-tokens.ts'
import type { Intake, IntakeEvent, IntakeRequest, Outcome } from '../../stores/intake/intake.ts'
import type { DoorPolicy } from '../../stores/state/door-policy.ts'
import type { TokenDirectory } from '../../stores/state/token-directory.ts'
import type { AdmissionConfig } from './admission.config.ts'
import * as happened from './admission.events.ts'
import type { DecidingRule } from './admission.events.ts'
import { createDuplicateKeys } from './duplicate-key.ts'
import { createPrepareEvents, restrictionRefusal } from './prepare-events.ts'
import type { PreparedEvents } from './prepare-events.ts'
import type { ReadRequest, ReadRequestEvent } from './read-request.ts'
import type { CountedLimits } from './rules/counted-limits.ts'
import { forbiddenReason, isPermitted } from './rules/permission.ts'
import { laneOf } from './rules/routing.ts'
import { createSignatureCheck } from './rules/signature.ts'
import { lookAtToken } from './rules/token.ts'

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
  /** What somebody else has limited. */
  readonly limitedTokens: Pick<LimitedTokens, 'of'>
  /** Random bytes of this installation; see `duplicate-key.ts`. */
  readonly duplicateKeySecret: Buffer
  /** The health check's own project token. */
  readonly canaryToken: string
  readonly telemetry: Telemetry
}

export function createAdmission(config: AdmissionConfig, deps: AdmissionDeps): Admit {
  const { intake, tokens, canaryToken, telemetry } = deps
  const prepareEvents = createPrepareEvents(config, createDuplicateKeys(deps.duplicateKeySecret), deps.limitedTokens)
  const checkSignature = createSignatureCheck(config)

  return async function admit(request) {
    const { token, nowMs, events } = request
    const isCanary = token === canaryToken
    let answers: 'sdk' | 'strict' = 'sdk'
    let policy: DoorPolicy | undefined
    let undoSignature: (() => void) | undefined
    if (!isCanary) {
      const looking = lookAtToken(tokens, token)
      const look = looking instanceof Promise ? await looking : looking
      if (look.kind === 'unknown') {
        happened.requestTurnedAway('token', token, events.length).emit(telemetry)
        return { kind: 'unknown_token' }
      }
      if (look.kind === 'known') ({ answers, policy } = look)
      if (policy !== undefined && policy.signingSecrets.length > 0) {
        const signature = checkSignature(request.signed, policy.signingSecrets, nowMs)
        if (signature.kind === 'unsigned') {
          happened.requestTurnedAway('signature', token, events.length, signature.reason).emit(telemetry)
          return signature
        }
        undoSignature = signature.undo
      }
      const forbidden = policy?.lanes === undefined ? undefined : whyForbidden(request, policy.lanes, answers)
      if (forbidden !== undefined) {
        happened.requestTurnedAway('permission', token, events.length, forbidden).emit(telemetry)
        return { kind: 'forbidden', reason: forbidden }
      }
      const bad = answers === 'strict' ? events.find(({ refusal }) => refusal !== undefined) : undefined
      if (bad?.refusal !== undefined) {
        happened.requestTurnedAway('validity', token, events.length, bad.refusal).emit(telemetry)
        return { kind: 'refused_whole', index: bad.index, reason: bad.refusal }
      }
    }
    const prepared = prepareEvents(request, policy, isCanary)
    let outcomes: readonly Outcome[] = []
    try {
      if (prepared.events.length > 0)
        outcomes = await intake.submit(intakeRequest(request, prepared, isCanary, answers === 'strict'))
    } catch (error) {
      undoSignature?.()
      throw error
    }
    const admitted = joined(request, prepared, outcomes)
    if (!isCanary) tell(telemetry, request, prepared, admitted)
    return { kind: 'admitted', answers, outcomes: admitted }
  }
}

/** None of the events may be written; to a project that wants all or nothing, not all of them. */
function whyForbidden(
  { kind, historicalMigration, events }: ReadRequest,
  lanes: readonly Lane[],
  answers: 'sdk' | 'strict',
): string | undefined {
  let reason: string | undefined
  let isSomePermitted = false
  for (const { name } of events) {
    const lane = laneOf(kind, name, historicalMigration)
    if (isPermitted(lanes, lane)) isSomePermitted = true
    else reason ??= forbiddenReason(lanes, lane)
  }
  return isSomePermitted && answers === 'sdk' ? undefined : reason
}

function intakeRequest(
  request: ReadRequest,
  { events, limits }: PreparedEvents,
  isCanary: boolean,
  isAllOrNothing: boolean,
): IntakeRequest {
  const { body, sentBody, hasLargeValues = false, token, ip, nowMs, sentAtMs, headers } = request
  // One shape where nothing is special: this is made for every request.
  const asked = { body, sentBody, hasLargeValues, token, ip, nowMs, sentAtMs, isCanary, events }
  if (headers === undefined && limits === undefined) return asked
  return {
    ...asked,
    ...(headers === undefined ? {} : { headers }),
    ...(limits === undefined ? {} : { limits: limits.applied, isAllOrNothing }),
  }
}

/** What became of each event of the request, in its order: dropped ones were not asked for, split-off ones are nobody's to know. */
function joined(
  { events }: ReadRequest,
  prepared: PreparedEvents,
  outcomes: readonly Outcome[],
): readonly AdmittedEvent[] {
  let next = 0
  return events.map(({ index }, at): AdmittedEvent => {
    const dropped = prepared.dropped?.get(at)
    if (dropped !== undefined) {
      const { lane, uuid } = dropped
      return { verdict: 'dropped', index, uuid, lane, partition: -1, offset: -1, refusal: undefined }
    }
    const outcome = outcomes[next]
    const event = prepared.events[next]
    next++
    if (outcome === undefined || event === undefined) throw new RangeError('The intake left an event undecided.')
    return admittedEvent(index, event, outcome, prepared.limits)
  })
}

function admittedEvent(
  index: number,
  event: IntakeEvent,
  outcome: Outcome,
  limits: CountedLimits | undefined,
): AdmittedEvent {
  const { verdict, lane, partition, offset } = outcome
  const { uuid, marks } = event
  const refusal = verdict === 'refused' ? event.refusal : undefined
  const admitted = { verdict, lane, partition, offset, uuid, index, refusal }
  if (verdict === 'quota_limited' || verdict === 'rate_limited') {
    const resource = limits?.resources[outcome.limit ?? -1] ?? 'events'
    return { ...admitted, limited: { resource, retryAfterMs: outcome.retryAfterMs ?? 0 } }
  }
  const isPersonless = marks !== undefined && (marks & eventMarks.force_disable_person_processing) !== 0
  return isPersonless ? { ...admitted, isPersonless } : admitted
}

/** Counts what was decided; nearly always one count a request. */
function tell(
  telemetry: Telemetry,
  request: ReadRequest,
  prepared: PreparedEvents,
  admitted: readonly AdmittedEvent[],
): void {
  let plain = 0
  let others: Map<string, Tally> | undefined
  for (let at = 0; at < admitted.length; at++) {
    const event = admitted[at]
    if (event === undefined) break
    if (event.verdict === 'stored' && event.lane === 'events_plugin_ingestion') {
      plain++
      continue
    }
    const rule = decidingRule(event, request.events[at], prepared.dropped?.get(at)?.rule)
    const resource = event.limited?.resource
    const key = `${event.verdict}/${rule}/${event.lane}/${resource ?? ''}`
    others ??= new Map()
    const tally = others.get(key)
    if (tally === undefined) others.set(key, { event, rule, count: 1 })
    else tally.count++
  }
  if (plain > 0) happened.eventsStored(plain).emit(telemetry)
  if (others === undefined) return
  for (const { event, rule, count } of others.values()) {
    happened.eventsDecided(event.verdict, rule, event.lane, count).emit(telemetry)
    if (event.limited !== undefined) {
      happened.limitMet(rule, event.limited.resource, count, request.token).emit(telemetry)
    }
  }
}

interface Tally {
  readonly event: AdmittedEvent
  readonly rule: DecidingRule
  count: number
}

function decidingRule(
  { verdict, refusal }: AdmittedEvent,
  read: ReadRequestEvent | undefined,
  droppedBy: DecidingRule | undefined,
): DecidingRule {
  switch (verdict) {
    case 'stored':
      return 'none'
    case 'duplicate':
      return 'duplicate'
    case 'quota_limited':
      return 'quota'
    case 'rate_limited':
      return 'rate'
    case 'dropped':
      return droppedBy ?? 'restriction'
    case 'refused':
      if (read?.refusal !== undefined) return 'validity'
      return refusal === restrictionRefusal ? 'restriction' : 'permission'
  }
}
