import type { AppliedLimit } from '../../../stores/intake/intake.ts'
import { periodOf, quotaKey } from '../../../stores/state/door-policy.ts'
import type { LimitRule } from '../../../stores/state/door-policy.ts'

/** So many stored events of a type in a period of the calendar, in UTC (C7). Undefined where the rule has no quota. */
export function quotaOf(
  { eventType, quota }: LimitRule,
  token: string,
  nowMs: number,
): (AppliedLimit & { readonly kind: 'quota' }) | undefined {
  if (quota === undefined) return undefined
  const { eventsMax, period } = quota
  const key = quotaKey(token, eventType, period, nowMs)
  return { kind: 'quota', key, max: eventsMax, expiresAtMs: periodOf(period, nowMs).endMs }
}
