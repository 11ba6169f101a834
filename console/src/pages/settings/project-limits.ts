/** Limits of a project as the settings page shows and asks for them; without React. */
import type { AnswerTo, BodyOf } from '../../api/client.ts'
import { formatNumber } from '../../kit/numbers.ts'

export type ProjectLimit = AnswerTo<'/api/projects/{id}/limits', 'get'>['limits'][number]
export type Quota = NonNullable<ProjectLimit['quota']>

/** What stands for several names of events. */
export const resources: readonly { readonly value: string; readonly label: string }[] = [
  { value: '@events', label: 'All events' },
  { value: '@recordings', label: 'Recordings' },
  { value: '@exceptions', label: 'Exceptions' },
  { value: '@surveys', label: 'Answers to surveys' },
  { value: '@llm_events', label: 'Events of language models' },
]

export const periods: readonly { readonly value: Quota['period']; readonly label: string }[] = [
  { value: 'minute', label: 'a minute' },
  { value: 'hour', label: 'an hour' },
  { value: 'day', label: 'a day' },
  { value: 'month', label: 'a month' },
  { value: 'ever', label: 'ever' },
]

/** What the form holds; a number that is not filled in is less than it may be. */
export interface LimitForm {
  /** A resource, or '' for the event by its name. */
  readonly resource: string
  readonly eventName: string
  /** '' for each token. */
  readonly token: string
  readonly hasQuota: boolean
  readonly events: number
  readonly period: Quota['period']
  readonly hasRate: boolean
  readonly perSecond: number
  readonly burst: number
}

const suggested: LimitForm = {
  resource: '@events',
  eventName: '',
  token: '',
  hasQuota: true,
  events: 1_000_000,
  period: 'month',
  hasRate: false,
  perSecond: 500,
  burst: 2000,
}

/** Begins with what the limit is, or with what is wanted most often. */
export function formOf(limit: ProjectLimit | undefined): LimitForm {
  if (limit === undefined) return suggested
  const isResource = resources.some(({ value }) => value === limit.event_type)
  return {
    resource: isResource ? limit.event_type : '',
    eventName: isResource ? '' : limit.event_type,
    token: limit.token ?? '',
    hasQuota: limit.quota !== null,
    events: limit.quota?.events_max ?? suggested.events,
    period: limit.quota?.period ?? suggested.period,
    hasRate: limit.rate !== null,
    perSecond: limit.rate?.events_per_second ?? suggested.perSecond,
    burst: limit.rate?.burst_events_max ?? suggested.burst,
  }
}

type NewLimit = BodyOf<'/api/projects/{id}/limits', 'post'>

/** Undefined while something is missing. */
export function limitFrom(form: LimitForm): NewLimit | undefined {
  const { resource, eventName, token, hasQuota, events, period, hasRate, perSecond, burst } = form
  const eventType = resource === '' ? eventName : resource
  const isWhole = eventType !== '' && (!hasQuota || events >= 0) && (!hasRate || (perSecond >= 0 && burst >= 1))
  if (!isWhole || (!hasQuota && !hasRate)) return undefined
  return {
    event_type: eventType,
    token: token === '' ? null : token,
    quota: hasQuota ? { events_max: events, period } : null,
    rate: hasRate ? { events_per_second: perSecond, burst_events_max: burst } : null,
  }
}

export function sayEventType(eventType: string): string {
  return resources.find(({ value }) => value === eventType)?.label ?? eventType
}

export function sayQuota({ events_max: max, period }: Quota): string {
  return `${formatNumber(max)} ${periods.find(({ value }) => value === period)?.label ?? period}`
}

export function sayRate({ events_per_second: perSecond, burst_events_max: burst }: NonNullable<ProjectLimit['rate']>) {
  return `${formatNumber(perSecond)} a second, ${formatNumber(burst)} at once`
}

export interface QuotaUse {
  readonly token: string
  readonly events: number
  /** 0 to 1. */
  readonly part: number
}

/** How much of a quota each token has used, the fullest first; undefined when nobody knows or there is no quota. */
export function quotaUses({ quota, used }: ProjectLimit): readonly QuotaUse[] | undefined {
  if (quota === null || used === null) return undefined
  return used
    .map(({ token, quota_events: events }) => ({
      token,
      events: events ?? 0,
      part: quota.events_max === 0 ? 1 : Math.min(1, (events ?? 0) / quota.events_max),
    }))
    .sort((one, other) => other.events - one.events)
}
