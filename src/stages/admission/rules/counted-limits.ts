/**
 * Which limits the events of one request count against (C7, C8): the rule of the event's own name, where there is one, and the rule of
 * its resource; or, of a token that somebody else has limited, a quota of none until then. A resource is
 * - `recordings`: recordings;
 * - `exceptions` (`$exception`), `surveys` (`survey sent`, `survey shown`, `survey dismissed`; PostHog leaves out those that have
 *   `$product_tour_id`, but we do not look into properties for it), `llm_events` (`$ai_…`): where the project has a rule for it. Such
 *   events are then not counted as `events`, so that they go on when those are used up, as in PostHog (capture spec §12). Of what somebody else limits, they are always such resources;
 * - `events`: everything else.
 */
import type { LimitedResource, LimitedTokens, LimitedUntil } from '../../../stores/coordination/limited-tokens.ts'
import type { AppliedLimit } from '../../../stores/intake/intake.ts'
import { periodOf } from '../../../stores/state/door-policy.ts'
import type { DoorPolicy, LimitRule } from '../../../stores/state/door-policy.ts'
import { quotaOf } from './quota.ts'
import { rateOf } from './rate.ts'

type RulesByType = ReadonlyMap<string, LimitRule>

/** Makes the limits of requests; undefined for a policy without any. */
export function createCountedLimits(
  limitedTokens: Pick<LimitedTokens, 'of'>,
): (policy: DoorPolicy | undefined, token: string, nowMs: number) => CountedLimits | undefined {
  const byPolicy = new WeakMap<DoorPolicy, TokenLimits>()
  const byLimited = new WeakMap<LimitedUntil, LimitedElsewhere>()

  function ownOf(policy: DoorPolicy | undefined, token: string): TokenLimits | undefined {
    if (policy === undefined || policy.limits.length === 0) return undefined
    let limits = byPolicy.get(policy)
    if (limits?.token !== token) {
      limits = new TokenLimits(policy, token)
      byPolicy.set(policy, limits)
    }
    return limits
  }

  function elsewhereOf(token: string): LimitedElsewhere | undefined {
    const until = limitedTokens.of(token)
    if (until === undefined) return undefined
    let limited = byLimited.get(until)
    if (limited === undefined) {
      limited = new LimitedElsewhere(until, token)
      byLimited.set(until, limited)
    }
    return limited
  }

  return function countedLimits(policy, token, nowMs) {
    const own = ownOf(policy, token)
    const elsewhere = elsewhereOf(token)
    return own === undefined && elsewhere === undefined ? undefined : new CountedLimits(own, elsewhere, nowMs)
  }
}

/** What an event counts against, made once a period; shared by all events of which the same rules hold. */
interface LimitSet {
  readonly applied: readonly AppliedLimit[]
  readonly resources: readonly string[]
  /** Of all of `applied`, quotas first. */
  readonly indexes: readonly number[]
  /** When it holds: from the start of the newest of its periods to the end of the first. */
  readonly fromMs: number
  readonly untilMs: number
}

/** Of one token: its limits are the same from request to request until a period ends. */
class TokenLimits {
  readonly token: string
  readonly rules: RulesByType
  /** Most projects limit resources alone: then no name needs to be looked up. */
  readonly #hasNames: boolean
  readonly #hasScopes: boolean
  /** By the rule of the event's name, or else of its resource: the second follows from the first. */
  readonly #sets = new Map<LimitRule, LimitSet>()

  constructor(policy: DoorPolicy, token: string) {
    this.token = token
    this.rules = new Map(policy.limits.map((rule) => [rule.eventType, rule]))
    const types = [...this.rules.keys()]
    this.#hasNames = types.some((type) => !type.startsWith('@'))
    this.#hasScopes = types.some((type) => type !== '@events' && type !== '@recordings')
  }

  setFor(kind: 'events' | 'recording', name: string, nowMs: number): LimitSet | undefined {
    const own = this.#hasNames ? this.rules.get(name) : undefined
    const shared = this.rules.get(kind === 'recording' ? '@recordings' : this.#resourceOf(name))
    const first = own ?? shared
    if (first === undefined) return undefined
    const known = this.#sets.get(first)
    // The clock may have been set back, too.
    if (known !== undefined && nowMs >= known.fromMs && nowMs < known.untilMs) return known
    const made = limitSet(shared === undefined || shared === first ? [first] : [first, shared], this.token, nowMs)
    this.#sets.set(first, made)
    return made
  }

  #resourceOf(name: string): string {
    if (!this.#hasScopes) return '@events'
    const scope = `@${resourceOf('events', name)}`
    return this.rules.has(scope) ? scope : '@events'
  }
}

/** What of a token somebody else has limited. Nothing else is debited for what meets it, so no other limit stands beside it. */
class LimitedElsewhere {
  readonly #sets: ReadonlyMap<LimitedResource, LimitSet>

  constructor(until: LimitedUntil, token: string) {
    this.#sets = new Map(
      [...until].map(([resource, untilMs]) => {
        const key = `quota:{${token}}:@posthog/quota-limits/${resource}`
        const applied = [{ kind: 'quota', key, max: 0, expiresAtMs: untilMs } as const]
        return [resource, { applied, resources: [resource], indexes: [0], fromMs: -Infinity, untilMs }]
      }),
    )
  }

  setFor(kind: 'events' | 'recording', name: string, nowMs: number): LimitSet | undefined {
    const set = this.#sets.get(resourceOf(kind, name))
    return set === undefined || nowMs >= set.untilMs ? undefined : set
  }
}

function resourceOf(kind: 'events' | 'recording', name: string): LimitedResource {
  if (kind === 'recording') return 'recordings'
  if (name === '$exception') return 'exceptions'
  if (name.startsWith('$ai_')) return 'llm_events'
  return surveyNames.includes(name) ? 'surveys' : 'events'
}

function limitSet(rules: readonly LimitRule[], token: string, nowMs: number): LimitSet {
  const applied: AppliedLimit[] = []
  const resources: string[] = []
  let fromMs = -Infinity
  let untilMs = Infinity
  const add = ({ eventType }: LimitRule, limit: AppliedLimit | undefined): void => {
    if (limit === undefined) return
    applied.push(limit)
    resources.push(eventType.startsWith('@') ? eventType.slice(1) : eventType)
  }
  for (const rule of rules) {
    add(rule, quotaOf(rule, token, nowMs))
    if (rule.quota === undefined) continue
    const { startMs, endMs } = periodOf(rule.quota.period, nowMs)
    fromMs = Math.max(fromMs, startMs)
    untilMs = Math.min(untilMs, endMs)
  }
  for (const rule of rules) add(rule, rateOf(rule, token))
  return { applied, resources, indexes: applied.map((_, at) => at), fromMs, untilMs }
}

const nothingCounted: readonly number[] = []

/** Of one request: most hold events of which the same rules hold, and then nothing is made for it. */
export class CountedLimits {
  #applied: readonly AppliedLimit[] = []
  #resources: readonly string[] = []
  readonly #own: TokenLimits | undefined
  readonly #elsewhere: LimitedElsewhere | undefined
  readonly #nowMs: number
  #first: LimitSet | undefined
  /** Where the limits of further sets stand in `applied`. */
  #others: Map<LimitSet, readonly number[]> | undefined

  constructor(own: TokenLimits | undefined, elsewhere: LimitedElsewhere | undefined, nowMs: number) {
    this.#own = own
    this.#elsewhere = elsewhere
    this.#nowMs = nowMs
  }

  get applied(): readonly AppliedLimit[] {
    return this.#applied
  }

  /** What each of `applied` limits, in the words of an answer: a resource, or an event's name. */
  get resources(): readonly string[] {
    return this.#resources
  }

  /** Indexes into `applied`, quotas first. */
  of(kind: 'events' | 'recording', name: string): readonly number[] {
    const set = this.#elsewhere?.setFor(kind, name, this.#nowMs) ?? this.#own?.setFor(kind, name, this.#nowMs)
    if (set === undefined) return nothingCounted
    if (this.#first === undefined) {
      this.#first = set
      this.#applied = set.applied
      this.#resources = set.resources
    }
    return set === this.#first ? set.indexes : this.#joined(set)
  }

  #joined(set: LimitSet): readonly number[] {
    this.#others ??= new Map()
    let indexes = this.#others.get(set)
    if (indexes === undefined) {
      indexes = set.applied.map((limit, at) => this.#placeOf(limit, set.resources[at] ?? ''))
      this.#others.set(set, indexes)
    }
    return indexes
  }

  #placeOf(limit: AppliedLimit, resource: string): number {
    const known = this.#applied.findIndex(({ key }) => key === limit.key)
    if (known >= 0) return known
    this.#applied = [...this.#applied, limit]
    this.#resources = [...this.#resources, resource]
    return this.#applied.length - 1
  }
}

const surveyNames: readonly string[] = ['survey sent', 'survey shown', 'survey dismissed']
