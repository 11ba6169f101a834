/**
 * What becomes of the events that a project's restrictions are about (capture spec §11.4, §12). A rule is about an event that is in
 * each of its lists that is not empty. Of several rules all take effect, the strongest first: drop, dead letter, topic, overflow; of
 * several topics the one that was made first.
 */
import type { Lane } from '../../../event/position.ts'
import type { DoorPolicy, RestrictionKind, RestrictionRule } from '../../../stores/state/door-policy.ts'

/** What all rules together say about one event. */
export interface Ruling {
  readonly isDropped: boolean
  readonly isDeadLetter: boolean
  readonly topic: Lane | undefined
  readonly isOverflow: boolean
  readonly isPersonless: boolean
}

export interface RestrictedEvent {
  readonly name: string
  readonly distinctId: string
  readonly sessionId: string | undefined
  readonly uuid: string | undefined
}

export type RuleAbout = (event: RestrictedEvent, pipeline: Pipeline) => Ruling

export type Pipeline = 'analytics' | 'session_recordings' | 'ai' | 'errortracking'

export const nothing: Ruling = {
  isDropped: false,
  isDeadLetter: false,
  topic: undefined,
  isOverflow: false,
  isPersonless: false,
}

/** Sets are made once for each rule, which is as long as nobody changes it; the tokens of a project share its rules. */
export function createRestrictions(): (policy: DoorPolicy) => RuleAbout | undefined {
  const byPolicy = new WeakMap<DoorPolicy, RuleAbout>()
  const byRule = new WeakMap<RestrictionRule, CompiledRule>()
  const compiled = (rule: RestrictionRule): CompiledRule => {
    const made = byRule.get(rule) ?? compile(rule)
    byRule.set(rule, made)
    return made
  }
  return function restrictionsOf(policy) {
    if (policy.restrictions.length === 0) return undefined
    const about = byPolicy.get(policy) ?? allOf(policy.restrictions.map(compiled))
    byPolicy.set(policy, about)
    return about
  }
}

interface CompiledRule {
  readonly kind: RestrictionKind
  readonly topic: Lane | undefined
  readonly names: Filter
  readonly distinctIds: Filter
  readonly sessionIds: Filter
  readonly uuids: Filter
  readonly pipelines: Filter
}

/** Undefined filters nothing. */
type Filter = ReadonlySet<string> | undefined

function compile(rule: RestrictionRule): CompiledRule {
  return {
    kind: rule.kind,
    topic: rule.topic,
    names: filterOf(rule.eventNames),
    distinctIds: filterOf(rule.distinctIds),
    sessionIds: filterOf(rule.sessionIds),
    uuids: filterOf(rule.eventUuids),
    pipelines: filterOf(rule.pipelines),
  }
}

function allOf(rules: readonly CompiledRule[]): RuleAbout {
  return function ruleAbout(event, pipeline) {
    let ruling: { -readonly [K in keyof Ruling]: Ruling[K] } | undefined
    for (const rule of rules) {
      if (!isAbout(rule, event, pipeline)) continue
      ruling ??= { ...nothing }
      switch (rule.kind) {
        case 'drop_event_from_ingestion':
          ruling.isDropped = true
          break
        case 'redirect_to_dlq':
          ruling.isDeadLetter = true
          break
        case 'redirect_to_topic':
          ruling.topic ??= rule.topic
          break
        case 'force_overflow_from_ingestion':
          ruling.isOverflow = true
          break
        case 'skip_person_processing':
          ruling.isPersonless = true
          break
      }
    }
    return ruling ?? nothing
  }
}

function isAbout(rule: CompiledRule, event: RestrictedEvent, pipeline: Pipeline): boolean {
  return (
    passes(rule.names, event.name) &&
    passes(rule.distinctIds, event.distinctId) &&
    passes(rule.sessionIds, event.sessionId) &&
    passes(rule.uuids, event.uuid) &&
    passes(rule.pipelines, pipeline)
  )
}

function passes(filter: Filter, value: string | undefined): boolean {
  return filter === undefined || (value !== undefined && filter.has(value))
}

function filterOf(values: readonly string[]): Filter {
  return values.length === 0 ? undefined : new Set(values)
}
