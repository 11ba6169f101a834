/**
 * What a project says about its events at the door, as far as it concerns one token: carried by the list of tokens, so that the
 * door looks nothing up. Most tokens have none.
 *
 * Words used here:
 * - event type: an event's name, or `@` and a resource that stands for several names: `@events`, `@recordings`, `@exceptions`,
 *   `@surveys`, `@llm_events`.
 * - quota: so many stored events of a type in a period of the calendar, in UTC.
 * - rate: a token bucket of a type.
 * - restriction: what becomes of the events that match it, in PostHog's words (capture spec §12).
 */
import { flows } from '../../event/flows.ts'
import { lanes } from '../../event/position.ts'
import type { Lane } from '../../event/position.ts'

export interface DoorPolicy {
  /** Not empty: requests must be signed with one of them. In clear, because a signature is checked with the secret itself. */
  readonly signingSecrets: readonly string[]
  /** What the token may write; undefined: everything. */
  readonly lanes: readonly Lane[] | undefined
  /** One an event type. */
  readonly limits: readonly LimitRule[]
  readonly restrictions: readonly RestrictionRule[]
}

export interface LimitRule {
  readonly id: string
  readonly eventType: string
  readonly quota?: { readonly eventsMax: number; readonly period: QuotaPeriod }
  readonly rate?: { readonly eventsPerSecond: number; readonly burstEventsMax: number }
}

export type QuotaPeriod = 'minute' | 'hour' | 'day' | 'month' | 'ever'

export type RestrictionKind =
  | 'drop_event_from_ingestion'
  | 'force_overflow_from_ingestion'
  | 'skip_person_processing'
  | 'redirect_to_dlq'
  | 'redirect_to_topic'

/** Concerns the events that match every list which is not empty. */
export interface RestrictionRule {
  readonly id: string
  readonly kind: RestrictionKind
  readonly distinctIds: readonly string[]
  readonly sessionIds: readonly string[]
  readonly eventNames: readonly string[]
  /** In lower case with hyphens. */
  readonly eventUuids: readonly string[]
  /** `analytics`, `session_recordings`, `ai`, `errortracking`. */
  readonly pipelines: readonly string[]
  /** Where `redirect_to_topic` redirects to: a lane of ordinary events. */
  readonly topic?: Lane
}

/** Lanes that a restriction may send an ordinary event to: those whose events become rows of `events`. */
export const topicLanes: readonly Lane[] = flows.events.sources

/** A span of the calendar in UTC: from the start until just before the end, Unix milliseconds. */
export interface Period {
  readonly startMs: number
  readonly endMs: number
}

/** The last millisecond of the year 9999: a quota for ever ends here. */
const endOfTimeMs = 253_402_300_799_999

export function periodOf(period: QuotaPeriod, nowMs: number): Period {
  switch (period) {
    case 'minute':
      return wholeSpan(60_000, nowMs)
    case 'hour':
      return wholeSpan(3_600_000, nowMs)
    case 'day':
      return wholeSpan(86_400_000, nowMs)
    case 'month': {
      const now = new Date(nowMs)
      const year = now.getUTCFullYear()
      const month = now.getUTCMonth()
      return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) }
    }
    case 'ever':
      return { startMs: 0, endMs: endOfTimeMs }
  }
}

/** Under what a quota is counted (C7): the token in literal braces, so that a cluster keeps one project's keys together. */
export function quotaKey(token: string, eventType: string, period: QuotaPeriod, nowMs: number): string {
  return `quota:{${token}}:${eventType}:${new Date(periodOf(period, nowMs).startMs).toISOString()}`
}

/** Under what a rate is counted (C8). */
export function rateKey(token: string, eventType: string): string {
  return `rate:{${token}}:${eventType}`
}

/** From JSON of a file. What cannot be read is left out: at the door, doubt lets in. */
export function doorPolicyFrom(value: unknown): DoorPolicy | undefined {
  if (!isGroup(value)) return undefined
  return {
    signingSecrets: textsIn(value.signingSecrets),
    lanes: lanesFrom(value['lanes']),
    limits: listIn(value.limits).flatMap(limitFrom),
    restrictions: listIn(value.restrictions).flatMap(restrictionFrom),
  }
}

/** What a project says about the events of all of its tokens: read once, and shared by the policies made of it. */
export interface ProjectRules {
  readonly signingSecrets: readonly string[]
  readonly limits: readonly { readonly token: string | undefined; readonly rule: LimitRule }[]
  readonly restrictions: readonly { readonly tokens: readonly string[]; readonly rule: RestrictionRule }[]
}

/** From JSON of the database, as `doorPolicyFrom`; a limit may name a `token` there, and a restriction `tokens`. */
export function projectRulesFrom(value: unknown): ProjectRules {
  const { signingSecrets, limits, restrictions } = isGroup(value) ? value : {}
  return {
    signingSecrets: textsIn(signingSecrets),
    limits: listIn(limits).flatMap((item) => limitFrom(item).map((rule) => ({ token: textIn(item, 'token'), rule }))),
    restrictions: listIn(restrictions).flatMap((item) =>
      restrictionFrom(item).map((rule) => ({ tokens: isGroup(item) ? textsIn(item['tokens']) : [], rule })),
    ),
  }
}

/** Of one token; undefined when nothing is said about it. A limit of the token itself goes before one of all tokens. */
export function doorPolicyOf(token: string, lanes: unknown, project: ProjectRules | undefined): DoorPolicy | undefined {
  const own = new Set(project?.limits.filter((limit) => limit.token === token).map(({ rule }) => rule.eventType))
  const policy: DoorPolicy = {
    signingSecrets: project?.signingSecrets ?? [],
    lanes: lanesFrom(lanes),
    limits: (project?.limits ?? [])
      .filter((limit) => limit.token === token || (limit.token === undefined && !own.has(limit.rule.eventType)))
      .map(({ rule }) => rule),
    restrictions: (project?.restrictions ?? [])
      .filter(({ tokens }) => tokens.length === 0 || tokens.includes(token))
      .map(({ rule }) => rule),
  }
  const { signingSecrets, limits, restrictions } = policy
  const isSaid = policy.lanes !== undefined || signingSecrets.length + limits.length + restrictions.length > 0
  return isSaid ? policy : undefined
}

function wholeSpan(lengthMs: number, nowMs: number): Period {
  const startMs = nowMs - (nowMs % lengthMs)
  return { startMs, endMs: startMs + lengthMs }
}

const periods: readonly QuotaPeriod[] = ['minute', 'hour', 'day', 'month', 'ever']
const kinds: readonly RestrictionKind[] = [
  'drop_event_from_ingestion',
  'force_overflow_from_ingestion',
  'skip_person_processing',
  'redirect_to_dlq',
  'redirect_to_topic',
]

function limitFrom(value: unknown): LimitRule[] {
  if (!isGroup(value)) return []
  const { id, eventType, quota, rate } = value
  if (typeof id !== 'string' || typeof eventType !== 'string') return []
  const rule: { -readonly [K in keyof LimitRule]: LimitRule[K] } = { id, eventType }
  if (isGroup(quota)) {
    const { eventsMax } = quota
    const period = periods.find((known) => known === quota['period'])
    if (typeof eventsMax === 'number' && period !== undefined) rule.quota = { eventsMax, period }
  }
  if (isGroup(rate)) {
    const { eventsPerSecond, burstEventsMax } = rate
    if (typeof eventsPerSecond === 'number' && typeof burstEventsMax === 'number')
      rule.rate = { eventsPerSecond, burstEventsMax }
  }
  return rule.quota === undefined && rule.rate === undefined ? [] : [rule]
}

function restrictionFrom(value: unknown): RestrictionRule[] {
  if (!isGroup(value)) return []
  const { id } = value
  const kind = kinds.find((known) => known === value['kind'])
  if (typeof id !== 'string' || kind === undefined) return []
  const topic = topicLanes.find((lane) => lane === value['topic'])
  if (kind === 'redirect_to_topic' && topic === undefined) return []
  return [
    {
      id,
      kind,
      distinctIds: textsIn(value['distinctIds']),
      sessionIds: textsIn(value['sessionIds']),
      eventNames: textsIn(value['eventNames']),
      eventUuids: textsIn(value['eventUuids']),
      pipelines: textsIn(value['pipelines']),
      ...(topic === undefined ? {} : { topic }),
    },
  ]
}

/** One that a later version may know permits nothing here. */
function lanesFrom(value: unknown): readonly Lane[] | undefined {
  return Array.isArray(value) ? lanes.filter((lane) => value.includes(lane)) : undefined
}

interface Group {
  readonly [name: string]: unknown
  readonly signingSecrets?: unknown
  readonly limits?: unknown
  readonly restrictions?: unknown
  readonly id?: unknown
  readonly eventType?: unknown
  readonly quota?: unknown
  readonly rate?: unknown
  readonly eventsMax?: unknown
  readonly eventsPerSecond?: unknown
  readonly burstEventsMax?: unknown
}

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listIn(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function textsIn(value: unknown): readonly string[] {
  return listIn(value).filter((item) => typeof item === 'string')
}

function textIn(value: unknown, name: string): string | undefined {
  const found = isGroup(value) ? value[name] : undefined
  return typeof found === 'string' ? found : undefined
}
