/** The projects that the wire's table sends to. */
import type { DoorPolicy, LimitRule, RestrictionRule } from '../../src/stores/state/door-policy.ts'
import type { TokenAnswer } from '../../src/stores/state/token-directory.ts'
import { token } from './row.ts'

export const strictToken = 'phc_strict'
/** Nobody knows whether somebody has it. */
export const unsureToken = 'phc_unsure'
/** One event of any name for ever; the first is used for one row, the other for another. */
export const eventsQuotaToken = 'phc_quota'
export const lastQuotaToken = 'phc_quota_last'
/** One event named `seen` for ever. */
export const nameQuotaToken = 'phc_quota_name'
/** One event, and the next one in an hour and more. */
export const rateToken = 'phc_rate'
export const strictQuotaToken = 'phc_strict_quota'
export const strictRateToken = 'phc_strict_rate'
export const signedToken = 'phc_signed'
export const exceptionsOnlyToken = 'phc_exceptions'
export const recordingsQuotaToken = 'phc_quota_recordings'
export const exceptionsQuotaToken = 'phc_quota_exceptions'
/** Its restrictions are named by the events that they match. */
export const restrictedToken = 'phc_restricted'
/** As `eventsQuotaToken`, `rateToken` and `strictRateToken`, for the rows of v1. */
export const v1QuotaToken = 'phc_v1_quota'
export const v1RateToken = 'phc_v1_rate'
export const v1StrictRateToken = 'phc_v1_strict_rate'
export const signingSecret = 'a secret of this test'

const sdk = { kind: 'known', projectId: 1, answers: 'sdk' } as const
const strict = { ...sdk, answers: 'strict' } as const
const nothing: DoorPolicy = { signingSecrets: [], lanes: undefined, limits: [], restrictions: [] }

function limited(rule: Omit<LimitRule, 'id'>): { readonly policy: DoorPolicy } {
  return { policy: { ...nothing, limits: [{ id: 'limit', ...rule }] } }
}

function restriction(kind: RestrictionRule['kind'], own: Partial<RestrictionRule>): RestrictionRule {
  return { id: kind, kind, distinctIds: [], sessionIds: [], eventNames: [], eventUuids: [], pipelines: [], ...own }
}

const oneEver = { quota: { eventsMax: 1, period: 'ever' } } as const
const oneAnHour = { rate: { eventsPerSecond: 0.0002, burstEventsMax: 1 } } as const

export const knownTokens: Readonly<Record<string, TokenAnswer>> = {
  [token]: sdk,
  phc_other: { ...sdk, projectId: 2 },
  ['t'.repeat(64)]: sdk,
  'no-prefix': sdk,
  [unsureToken]: { kind: 'unsure' },
  [strictToken]: strict,
  [eventsQuotaToken]: { ...sdk, ...limited({ eventType: '@events', ...oneEver }) },
  [lastQuotaToken]: { ...sdk, ...limited({ eventType: '@events', ...oneEver }) },
  [nameQuotaToken]: { ...sdk, ...limited({ eventType: 'seen', ...oneEver }) },
  [rateToken]: { ...sdk, ...limited({ eventType: '@events', ...oneAnHour }) },
  [recordingsQuotaToken]: { ...sdk, ...limited({ eventType: '@recordings', ...oneEver }) },
  [exceptionsQuotaToken]: { ...sdk, ...limited({ eventType: '@exceptions', ...oneEver }) },
  [restrictedToken]: {
    ...sdk,
    policy: {
      ...nothing,
      restrictions: [
        restriction('drop_event_from_ingestion', { eventNames: ['drop me'] }),
        restriction('drop_event_from_ingestion', { sessionIds: ['bad-session'] }),
        restriction('force_overflow_from_ingestion', { eventNames: ['overflow me'] }),
        restriction('redirect_to_dlq', { eventNames: ['bury me'] }),
        restriction('redirect_to_topic', { eventNames: ['redirect me'], topic: 'historical_events' }),
      ],
    },
  },
  [strictQuotaToken]: { ...strict, ...limited({ eventType: '@events', ...oneEver }) },
  [strictRateToken]: { ...strict, ...limited({ eventType: '@events', ...oneAnHour }) },
  [v1QuotaToken]: { ...sdk, ...limited({ eventType: '@events', ...oneEver }) },
  [v1RateToken]: { ...sdk, ...limited({ eventType: '@events', ...oneAnHour }) },
  [v1StrictRateToken]: { ...strict, ...limited({ eventType: '@events', ...oneAnHour }) },
  [signedToken]: { ...sdk, policy: { ...nothing, signingSecrets: [signingSecret] } },
  [exceptionsOnlyToken]: { ...sdk, policy: { ...nothing, lanes: ['exceptions'] } },
}
