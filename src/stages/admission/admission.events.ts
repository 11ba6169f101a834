import type { DoorVerdict } from '../../event/door-verdict.ts'
import type { Lane } from '../../event/position.ts'
import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'

/** Which rule decided: none, for an event that is simply stored. */
export type DecidingRule =
  'none' | 'duplicate' | 'validity' | 'permission' | 'restriction' | 'drop_list' | 'quota' | 'rate'

/** Stored in the lane of ordinary events. Without labels, because it is counted for nearly every request. */
export const eventsStored = (count: number): InternalEvent => ({
  emit(to) {
    to.count('admission_events_stored_total', count)
  },
})

/** All others. */
export const eventsDecided = (verdict: DoorVerdict, rule: DecidingRule, lane: Lane, count: number): InternalEvent => ({
  emit(to) {
    to.count('admission_events_decided_total', count, { verdict, rule, lane })
  },
})

const resources: readonly string[] = ['events', 'recordings', 'exceptions', 'surveys', 'llm_events']

/** `resource` may be an event's name; names are not told apart in metrics, because there may be many. */
export const limitMet = (rule: DecidingRule, resource: string, count: number, token: string): InternalEvent => ({
  emit(to) {
    to.count('admission_limits_met_total', count, {
      rule,
      resource: resources.includes(resource) ? resource : 'event_name',
    })
    to.log('debug', 'Events met a limit of their project.', { rule, resource, count, token })
  },
})

export const requestTurnedAway = (
  rule: 'token' | 'signature' | 'permission' | 'validity',
  token: string,
  events: number,
  reason?: string,
): InternalEvent => ({
  emit(to) {
    to.count('admission_requests_refused_total', 1, { rule })
    to.log('debug', 'A request was turned away as a whole.', { rule, token, events, reason })
  },
})
