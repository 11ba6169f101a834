/**
 * Which limits the events of one request count against (C7, C8): the rule of the event's own name, where there is one, and the rule of
 * its resource. A resource is
 * - `recordings`: recordings;
 * - `exceptions` (`$exception`), `surveys` (`survey sent`, `survey shown`, `survey dismissed`; PostHog leaves out those that have
 *   `$product_tour_id`, but we do not look into properties for it), `llm_events` (`$ai_…`): where the project has a rule for it. Such
 *   events are then not counted as `events`, so that they go on when those are used up, as in PostHog (capture spec §12);
 * - `events`: everything else.
 */
import type { AppliedLimit } from '../../../stores/intake/intake.ts'
import type { DoorPolicy, LimitRule } from '../../../stores/state/door-policy.ts'
import { quotaOf } from './quota.ts'
import { rateOf } from './rate.ts'

type RulesByType = ReadonlyMap<string, LimitRule>

/** Makes the limits of requests; undefined for a policy without any. */
export function createCountedLimits(): (policy: DoorPolicy, token: string, nowMs: number) => CountedLimits | undefined {
  const byPolicy = new WeakMap<DoorPolicy, RulesByType>()
  return function countedLimits(policy, token, nowMs) {
    if (policy.limits.length === 0) return undefined
    let rules = byPolicy.get(policy)
    if (rules === undefined) {
      rules = new Map(policy.limits.map((rule) => [rule.eventType, rule]))
      byPolicy.set(policy, rules)
    }
    return new CountedLimits(rules, token, nowMs)
  }
}

/** Of one request: each name is looked at once. */
export class CountedLimits {
  readonly applied: AppliedLimit[] = []
  /** What each of `applied` limits, in the words of an answer: a resource, or an event's name. */
  readonly resources: string[] = []
  readonly #rules: RulesByType
  readonly #token: string
  readonly #nowMs: number
  readonly #byName = new Map<string, readonly number[]>()
  readonly #byRule = new Map<LimitRule, { readonly quota: number | undefined; readonly rate: number | undefined }>()

  constructor(rules: RulesByType, token: string, nowMs: number) {
    this.#rules = rules
    this.#token = token
    this.#nowMs = nowMs
  }

  /** Indexes into `applied`, quotas first. */
  of(kind: 'events' | 'recording', name: string): readonly number[] {
    let indexes = this.#byName.get(name)
    if (indexes === undefined) {
      indexes = this.#find(kind, name)
      this.#byName.set(name, indexes)
    }
    return indexes
  }

  #find(kind: 'events' | 'recording', name: string): readonly number[] {
    const own = this.#rules.get(name)
    const shared = kind === 'recording' ? this.#rules.get('@recordings') : resourceRule(this.#rules, name)
    const both = [own, shared].filter((rule) => rule !== undefined)
    const rules = own === shared ? both.slice(0, 1) : both
    const places = rules.map((rule) => this.#placesOf(rule))
    return [...places.map(({ quota }) => quota), ...places.map(({ rate }) => rate)].filter(
      (place) => place !== undefined,
    )
  }

  #placesOf(rule: LimitRule): { readonly quota: number | undefined; readonly rate: number | undefined } {
    let places = this.#byRule.get(rule)
    if (places === undefined) {
      const quota = this.#add(rule, quotaOf(rule, this.#token, this.#nowMs))
      places = { quota, rate: this.#add(rule, rateOf(rule, this.#token)) }
      this.#byRule.set(rule, places)
    }
    return places
  }

  #add({ eventType }: LimitRule, limit: AppliedLimit | undefined): number | undefined {
    if (limit === undefined) return undefined
    this.resources.push(eventType.startsWith('@') ? eventType.slice(1) : eventType)
    return this.applied.push(limit) - 1
  }
}

const surveyNames: readonly string[] = ['survey sent', 'survey shown', 'survey dismissed']

function resourceRule(rules: RulesByType, name: string): LimitRule | undefined {
  let scoped: LimitRule | undefined
  if (name === '$exception') scoped = rules.get('@exceptions')
  else if (name.startsWith('$ai_')) scoped = rules.get('@llm_events')
  else if (surveyNames.includes(name)) scoped = rules.get('@surveys')
  return scoped ?? rules.get('@events')
}
