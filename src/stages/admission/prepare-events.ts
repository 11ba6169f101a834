/**
 * From the events of a request to what the intake is asked to store: the rules that need no store, in the order of C9 and of capture
 * spec §22.
 *
 * ```
 *  lane by name ─► permission ─► drop list ─► restrictions ─► age ─► overflow ─► partition key ─► limits it counts against
 *                      │             │             │
 *                   refused       dropped      dropped, or a dead letter
 * ```
 *
 * Nearly every event is plain: its project says nothing, nothing about it is special, and it takes none of that.
 */
import type { Lane } from '../../event/position.ts'
import { formatUuid, parseUuid, uuidV7 } from '../../event/uuid.ts'
import type { UuidWords } from '../../event/uuid.ts'
import { eventMarks } from '../../event/event-marks.ts'
import type { LimitedTokens } from '../../stores/coordination/limited-tokens.ts'
import type { DuplicateKey, IntakeEvent } from '../../stores/intake/intake.ts'
import type { DoorPolicy } from '../../stores/state/door-policy.ts'
import type { AdmissionConfig } from './admission.config.ts'
import type { KeyedEvent } from './duplicate-key.ts'
import type { ReadRequest, ReadRequestEvent } from './read-request.ts'
import { createCountedLimits } from './rules/counted-limits.ts'
import type { CountedLimits } from './rules/counted-limits.ts'
import { createDropList } from './rules/drop-list.ts'
import type { DroppedIds } from './rules/drop-list.ts'
import { heatmapFate, heatmapOf } from './rules/heatmap.ts'
import { createOverflow } from './rules/overflow.ts'
import type { Overflow } from './rules/overflow.ts'
import { forbiddenReason, isPermitted } from './rules/permission.ts'
import { createRestrictions, nothing } from './rules/restrictions.ts'
import type { RuleAbout, Ruling } from './rules/restrictions.ts'
import { ageMs, laneOf, pipelineOf, spreadKey } from './rules/routing.ts'

export interface PreparedEvents {
  /** What is asked of the intake: the request's events but the dropped ones, in their order, then those split off. */
  readonly events: readonly IntakeEvent[]
  /** Undefined when nothing is counted. */
  readonly limits: CountedLimits | undefined
  /** By place in the request; undefined when nothing is dropped. */
  readonly dropped: ReadonlyMap<number, DroppedEvent> | undefined
}

export interface DroppedEvent {
  readonly lane: Lane
  readonly uuid: UuidWords
  readonly rule: 'drop_list' | 'restriction'
}

/** Why an event is a dead letter that is not invalid in itself. */
export const restrictionRefusal = 'event_restriction'

export type PrepareEvents = (request: ReadRequest, policy: DoorPolicy | undefined, isCanary: boolean) => PreparedEvents

const dayMs = 86_400_000

export function createPrepareEvents(
  config: AdmissionConfig,
  duplicateKeyOf: (token: string, event: KeyedEvent) => DuplicateKey | undefined,
  limitedTokens: Pick<LimitedTokens, 'of'>,
): PrepareEvents {
  const dropList = createDropList(config.dropEvents)
  const overflow = createOverflow(config)
  const oldMs = config.historicalAfterDays === 0 ? Infinity : config.historicalAfterDays * dayMs
  const restrictionsOf = createRestrictions()
  const countedLimits = createCountedLimits(limitedTokens)

  /** Undefined when nothing is said about any event of the request, so that only the event itself can be special. */
  function rulesFor(request: ReadRequest, policy: DoorPolicy | undefined): RequestRules | undefined {
    const { token, nowMs, kind, historicalMigration } = request
    const drops = dropList.of(token)
    const limits = countedLimits(policy, token, nowMs)
    const isNothingSaid = policy === undefined && limits === undefined && drops === undefined
    if (isNothingSaid && overflow === undefined && oldMs === Infinity) {
      return kind === 'recording' || historicalMigration ? noRules : undefined
    }
    return {
      lanes: policy?.lanes,
      drops,
      ruleAbout: policy === undefined ? undefined : restrictionsOf(policy),
      limits,
      overflow,
      oldMs,
    }
  }

  return function prepareEvents(request, policy, isCanary) {
    const { token, nowMs } = request
    const rules = isCanary ? undefined : rulesFor(request, policy)
    const events: IntakeEvent[] = []
    let heatmaps: IntakeEvent[] | undefined
    let dropped: Map<number, DroppedEvent> | undefined
    for (let at = 0; at < request.events.length; at++) {
      const event = request.events[at]
      if (event === undefined) break
      const { start, end, distinctId, name, timestampText, refusal } = event
      const clientUuid = event.uuidWords ?? (event.uuid === undefined ? undefined : parseUuid(event.uuid))
      // A uuid made here tells two copies apart by nothing: only what the client sent does.
      const duplicateKey = duplicateKeyOf(token, { uuid: clientUuid, distinctId, name, timestampText })
      const uuid = clientUuid ?? madeUuid(nowMs)
      if (rules === undefined && (isCanary || isOrdinary(event))) {
        const lane = laneOf('events', name, false)
        const partitionKey = `${token}:${distinctId}`
        const plain = { start, end, uuid, distinctId, lane, partitionKey, duplicateKey }
        events.push(refusal === undefined ? plain : { ...plain, refusal })
        continue
      }
      const way = wayOf(request, rules ?? noRules, event, uuid)
      if (way.drop !== undefined) {
        dropped ??= new Map()
        dropped.set(at, { lane: way.lane, uuid, rule: way.drop })
        continue
      }
      const prepared: Writable<IntakeEvent> = {
        start,
        end,
        uuid,
        distinctId,
        lane: way.lane,
        partitionKey: way.partitionKey,
        duplicateKey,
      }
      if (way.refusal !== undefined) prepared.refusal = way.refusal
      else if (rules?.limits !== undefined) prepared.limits = rules.limits.of(request.kind, name)
      if (way.marks !== 0) prepared.marks = way.marks
      if (way.isSplit) {
        heatmaps ??= []
        heatmaps.push(heatmapOf(prepared, events.length, madeUuid(nowMs), userKey(request, event)))
      }
      events.push(prepared)
    }
    if (heatmaps !== undefined) for (const heatmap of heatmaps) events.push(heatmap)
    return { events, limits: rules?.limits, dropped }
  }
}

/** What is said about the events of one request from outside of it. */
interface RequestRules {
  readonly lanes: readonly Lane[] | undefined
  readonly drops: DroppedIds | undefined
  readonly ruleAbout: RuleAbout | undefined
  readonly limits: CountedLimits | undefined
  readonly overflow: Overflow | undefined
  /** From which age on an ordinary event is a historical one. */
  readonly oldMs: number
}

const noRules: RequestRules = {
  lanes: undefined,
  drops: undefined,
  ruleAbout: undefined,
  limits: undefined,
  overflow: undefined,
  oldMs: Infinity,
}

interface Way {
  readonly lane: Lane
  readonly partitionKey: string
  readonly marks: number
  readonly drop: DroppedEvent['rule'] | undefined
  readonly refusal: string | undefined
  readonly isSplit: boolean
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

function isOrdinary(event: ReadRequestEvent): boolean {
  return !event.isCookieless && !event.isInternal && !event.hasHeatmap && event.isPersonless !== true
}

function wayOf(request: ReadRequest, rules: RequestRules, event: ReadRequestEvent, uuid: UuidWords): Way {
  const { kind, token, nowMs, historicalMigration } = request
  const named = laneOf(kind, event.name, historicalMigration)
  const key = userKey(request, event)
  let marks = historicalMigration ? eventMarks.historical_migration : 0
  if (event.isCookieless) marks |= eventMarks.is_cookieless_mode
  if (event.isInternal) marks |= eventMarks.capture_internal
  const ended = { lane: named, partitionKey: key, marks, drop: undefined, refusal: undefined, isSplit: false }
  if (rules.drops?.has(event.distinctId) === true) return { ...ended, drop: 'drop_list' }
  const refusal = event.refusal ?? permissionRefusal(rules.lanes, named)
  // What is no event yet (it may have no name, no id) is nothing to restrict.
  if (refusal !== undefined) return { ...ended, refusal }
  const ruling: Ruling = rules.ruleAbout === undefined ? nothing : rules.ruleAbout(event, pipelineOf(named))
  if (ruling.isDropped) return { ...ended, drop: 'restriction' }
  if (ruling.isDeadLetter) return { ...ended, refusal: restrictionRefusal }

  let lane = named
  let isPersonless = ruling.isPersonless || event.isPersonless === true
  // Neither age nor rate may decide how an event is partitioned: a retry is older, and comes at another rate.
  let spreads = false
  if (ruling.topic !== undefined && kind === 'events') {
    lane = ruling.topic
  } else if (lane === 'events_plugin_ingestion') {
    const isForced = rules.overflow?.isForced(token, key) === true
    isPersonless ||= isForced
    spreads = isPersonless
    if (isForced) {
      lane = 'events_plugin_ingestion_overflow'
    } else if (rules.oldMs !== Infinity && ageMs(event.timestampText, request.sentAtMs, nowMs) >= rules.oldMs) {
      lane = 'historical_events'
      marks |= eventMarks.historical_migration
    } else if (ruling.isOverflow || rules.overflow?.isTooMany(key, nowMs) === true) {
      lane = 'events_plugin_ingestion_overflow'
    }
  }
  if (isPersonless) marks |= eventMarks.force_disable_person_processing
  const fate =
    event.hasHeatmap && kind === 'events' && isPermitted(rules.lanes, 'heatmaps_ingestion')
      ? heatmapFate(event, rules.ruleAbout)
      : 'whole'
  if (fate !== 'whole') marks |= eventMarks.skip_heatmap_processing
  return {
    lane,
    partitionKey: spreads ? spreadKey(token, event, () => formatUuid(uuid)) : key,
    marks,
    drop: undefined,
    refusal: undefined,
    isSplit: fate === 'split',
  }
}

function permissionRefusal(lanes: readonly Lane[] | undefined, lane: Lane): string | undefined {
  return lanes === undefined || isPermitted(lanes, lane) ? undefined : forbiddenReason(lanes, lane)
}

/** Of whom the order is kept: the session of a recording; the address where no cookie tells users apart (capture spec §9); the user. */
function userKey({ kind, token, ip }: ReadRequest, { sessionId, distinctId, isCookieless }: ReadRequestEvent): string {
  if (kind === 'recording') return sessionId ?? distinctId
  return `${token}:${isCookieless ? ip : distinctId}`
}

function madeUuid(nowMs: number): UuidWords {
  return parseUuid(uuidV7(nowMs)) ?? [0, 0, 0, 0]
}
