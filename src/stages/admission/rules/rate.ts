import type { AppliedLimit } from '../../../stores/intake/intake.ts'
import { rateKey } from '../../../stores/state/door-policy.ts'
import type { LimitRule } from '../../../stores/state/door-policy.ts'

/** A token bucket of an event type (C8). Undefined where the rule has no rate. */
export function rateOf({ eventType, rate }: LimitRule, token: string): AppliedLimit | undefined {
  if (rate === undefined) return undefined
  return { kind: 'rate', key: rateKey(token, eventType), perSecond: rate.eventsPerSecond, burst: rate.burstEventsMax }
}
