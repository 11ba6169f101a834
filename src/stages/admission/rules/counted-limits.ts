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
import { periodOf } from '../../../stores/state/door-policy.ts'
import type { DoorPolicy, LimitRule } from '../../../stores/state/door-policy.ts'
import { quotaOf } from './quota.ts'
import { rateOf } from './rate.ts'

type RulesByType = ReadonlyMap<string, LimitRule>

/** Makes the limits of requests; undefined for a policy without any. */
export function createCountedLimits(): (policy: DoorPolicy, token: string, nowMs: number) => CountedLimits | undefined {
  const byPolicy = new WeakMap<DoorPolicy, TokenLimits>()
  return function countedLimits(policy, token, nowMs) {
    if (policy.limits.length === 0) return undefined
    let limits = byPolicy.get(policy)
    if (limits?.token !== token) {
      limits = new TokenLimits(policy, token)
      byPolicy.set(policy, limits)
    }
    return new CountedLimits(limits, nowMs)
  }
}

/** Of one token: its limits are the same from request to request until a period ends. */
class TokenLimits {
  readonly token: string
  readonly rules: RulesByType
  readonly #quotas = new Map<LimitRule, AppliedLimit & { readonly kind: 'quota' }>()
  readonly #rates = new Map<LimitRule, AppliedLimit>()

  constructor(policy: DoorPolicy, token: string) {
    this.token = token
    this.rules = new Map(policy.limits.map((rule) => [rule.eventType, rule]))
  }

  quotaOf(rule: LimitRule, nowMs: number): AppliedLimit | undefined {
    const known = this.#quotas.get(rule)
    if (known !== undefined && isWithin(rule, known.expiresAtMs, nowMs)) return known
    const made = quotaOf(rule, this.token, nowMs)
    if (made !== undefined) this.#quotas.set(rule, made)
    return made
  }

  rateOf(rule: LimitRule): AppliedLimit | undefined {
    const known = this.#rates.get(rule)
    if (known !== undefined) return known
    const made = rateOf(rule, this.token)
    if (made !== undefined) this.#rates.set(rule, made)
    return made
  }
}

/** In the same period still. The clock may have been set back, too. */
function isWithin({ quota }: LimitRule, expiresAtMs: number, nowMs: number): boolean {
  return quota !== undefined && nowMs < expiresAtMs && periodOf(quota.period, nowMs).endMs === expiresAtMs
}

/** Of one request: each name is looked at once. */
export class CountedLimits {
  readonly applied: AppliedLimit[] = []
  /** What each of `applied` limits, in the words of an answer: a resource, or an event's name. */
  readonly resources: string[] = []
  readonly #limits: TokenLimits
  readonly #nowMs: number
  readonly #byName = new Map<string, readonly number[]>()
  readonly #byRule = new Map<LimitRule, Places>()

  constructor(limits: TokenLimits, nowMs: number) {
    this.#limits = limits
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
    const { rules } = this.#limits
    const own = rules.get(name)
    const shared = kind === 'recording' ? rules.get('@recordings') : resourceRule(rules, name)
    const places: Places[] = []
    if (own !== undefined) places.push(this.#placesOf(own))
    if (shared !== undefined && shared !== own) places.push(this.#placesOf(shared))
    const indexes: number[] = []
    for (const { quota } of places) if (quota !== undefined) indexes.push(quota)
    for (const { rate } of places) if (rate !== undefined) indexes.push(rate)
    return indexes
  }

  #placesOf(rule: LimitRule): Places {
    let places = this.#byRule.get(rule)
    if (places === undefined) {
      const quota = this.#add(rule, this.#limits.quotaOf(rule, this.#nowMs))
      places = { quota, rate: this.#add(rule, this.#limits.rateOf(rule)) }
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

/** Of a rule's limits in `applied`. */
interface Places {
  readonly quota: number | undefined
  readonly rate: number | undefined
}

const surveyNames: readonly string[] = ['survey sent', 'survey shown', 'survey dismissed']

function resourceRule(rules: RulesByType, name: string): LimitRule | undefined {
  let scoped: LimitRule | undefined
  if (name === '$exception') scoped = rules.get('@exceptions')
  else if (name.startsWith('$ai_')) scoped = rules.get('@llm_events')
  else if (surveyNames.includes(name)) scoped = rules.get('@surveys')
  return scoped ?? rules.get('@events')
}
