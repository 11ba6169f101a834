/**
 * Limits of a project's events at the door, as people manage them. What they mean for an event is decided in `door-policy.ts` and met in
 * the intake; tokens get a new version with every change here, so that doors hear of it.
 *
 * Words:
 * - event type: what is counted: an event's name, or `@` and a resource.
 * - quota: so many stored events in a period of the calendar (UTC). Rate: a token bucket of `burstEventsMax` that refills with
 *   `eventsPerSecond`. A limit has one of them or both.
 * - of all tokens: a limit without a token holds for each token of the project by itself; one with a token for that one alone.
 */
import { writeAuditLine } from './audit-log.ts'
import type { Actor } from './audit-log.ts'
import type { QuotaPeriod } from './door-policy.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

export const limitedResources = ['@events', '@recordings', '@exceptions', '@surveys', '@llm_events'] as const
export const quotaPeriods = ['minute', 'hour', 'day', 'month', 'ever'] as const satisfies readonly QuotaPeriod[]

export interface Quota {
  readonly eventsMax: number
  readonly period: QuotaPeriod
}

export interface Rate {
  readonly eventsPerSecond: number
  readonly burstEventsMax: number
}

export interface Limit {
  readonly id: string
  readonly projectId: number
  readonly token: string | null
  readonly eventType: string
  readonly quota: Quota | null
  readonly rate: Rate | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** What makes a limit; a project has at most one of the same token and event type. */
export type NewLimit = Pick<Limit, 'projectId' | 'token' | 'eventType' | 'quota' | 'rate'>

/** What is left out stays; null takes it away. */
export interface LimitChange {
  readonly quota?: Quota | null | undefined
  readonly rate?: Rate | null | undefined
}

export type LimitOutcome =
  | { readonly kind: 'kept'; readonly limit: Limit }
  /** There is one of this token and event type already. */
  | { readonly kind: 'exists'; readonly limit: Limit }
  | { readonly kind: 'absent' | 'full' | 'unknown_token' | 'unlimited' }

/** Oldest first; of all projects when none is named. */
export async function listLimits(sql: SqlSession, projectId?: number): Promise<readonly Limit[]> {
  const rows = await sql.query<LimitRow>(
    `select ${columns} from sluice.limits where $1::bigint is null or project_id = $1 order by project_id, created_at, id`,
    [projectId ?? null],
  )
  return rows.map(limitFrom)
}

/** Refused as `full` when the project has `limitsMax` already, and as `unknown_token` when it has no such token that holds. */
export async function createLimit(sql: SqlClient, by: Actor, wish: NewLimit, limitsMax: number): Promise<LimitOutcome> {
  return await sql.transaction(async (session) => {
    await lockProject(session, wish.projectId)
    const existing = await limitOf(session, wish)
    if (existing !== undefined) return { kind: 'exists', limit: existing }
    return await insertLimit(session, by, wish, limitsMax)
  })
}

/** As `createLimit`, or as `changeLimit` where there is one of this token and event type. */
export async function setLimit(
  sql: SqlClient,
  by: Actor,
  { change, ...wish }: Pick<Limit, 'projectId' | 'token' | 'eventType'> & { readonly change: LimitChange },
  limitsMax: number,
): Promise<LimitOutcome> {
  return await sql.transaction(async (session) => {
    await lockProject(session, wish.projectId)
    const existing = await limitOf(session, wish)
    if (existing !== undefined) return await updateLimit(session, by, existing, change)
    return await insertLimit(
      session,
      by,
      { ...wish, quota: change.quota ?? null, rate: change.rate ?? null },
      limitsMax,
    )
  })
}

/** Refused as `unlimited` when nothing would be left of it: such a limit is removed, not changed. */
export async function changeLimit(
  sql: SqlClient,
  by: Actor,
  projectId: number,
  id: string,
  change: LimitChange,
): Promise<LimitOutcome> {
  return await sql.transaction(async (session) => {
    await lockProject(session, projectId)
    const [row] = await session.query<LimitRow>(
      `select ${columns} from sluice.limits where project_id = $1 and id = $2::uuid`,
      [projectId, id],
    )
    return row === undefined ? { kind: 'absent' } : await updateLimit(session, by, limitFrom(row), change)
  })
}

/** False when there is no such limit, in the project if one is named. */
export async function removeLimit(
  sql: SqlClient,
  by: Actor,
  { id, projectId }: { readonly id: string; readonly projectId?: number },
): Promise<boolean> {
  return await sql.transaction(async (session) => {
    const [row] = await session.query<LimitRow>(
      `delete from sluice.limits where id = $1::uuid and ($2::bigint is null or project_id = $2) returning ${columns}`,
      [id, projectId ?? null],
    )
    if (row === undefined) return false
    const before = limitFrom(row)
    await writeAuditLine(session, by, { ...changed('limit.removed', before), before: audited(before) })
    return true
  })
}

/** Changes of one project's limits follow each other, so that none is counted past. */
async function lockProject(session: SqlSession, projectId: number): Promise<void> {
  await session.query('select id from sluice.projects where id = $1 for no key update', [projectId])
}

async function limitOf(
  session: SqlSession,
  { projectId, token, eventType }: Pick<Limit, 'projectId' | 'token' | 'eventType'>,
): Promise<Limit | undefined> {
  const [row] = await session.query<LimitRow>(
    `select ${columns} from sluice.limits where project_id = $1 and token is not distinct from $2 and event_type = $3`,
    [projectId, token, eventType],
  )
  return row && limitFrom(row)
}

async function insertLimit(session: SqlSession, by: Actor, wish: NewLimit, limitsMax: number): Promise<LimitOutcome> {
  const { projectId, token, eventType, quota, rate } = wish
  if (quota === null && rate === null) return { kind: 'unlimited' }
  if (token !== null && !(await holds(session, projectId, token))) return { kind: 'unknown_token' }
  const [row] = await session.query<LimitRow>(
    `insert into sluice.limits (project_id, token, event_type, quota_events_max, quota_period, rate_events_per_second,
       rate_burst_events_max)
     select $1::bigint, $2::text, $3::text, $4::bigint, $5::text, $6::double precision, $7::bigint
     where (select count(*) from sluice.limits where project_id = $1::bigint) < $8::bigint
     returning ${columns}`,
    [projectId, token, eventType, ...valuesOf(quota, rate), limitsMax],
  )
  if (row === undefined) return { kind: 'full' }
  const limit = limitFrom(row)
  await writeAuditLine(session, by, { ...changed('limit.created', limit), after: audited(limit) })
  return { kind: 'kept', limit }
}

async function updateLimit(session: SqlSession, by: Actor, before: Limit, change: LimitChange): Promise<LimitOutcome> {
  const quota = change.quota === undefined ? before.quota : change.quota
  const rate = change.rate === undefined ? before.rate : change.rate
  if (quota === null && rate === null) return { kind: 'unlimited' }
  // Nothing to tell, and no door to wake.
  if (JSON.stringify(valuesOf(quota, rate)) === JSON.stringify(valuesOf(before.quota, before.rate))) {
    return { kind: 'kept', limit: before }
  }
  const [row] = await session.query<LimitRow>(
    `update sluice.limits set quota_events_max = $2, quota_period = $3, rate_events_per_second = $4,
       rate_burst_events_max = $5, updated_at = now() where id = $1::uuid returning ${columns}`,
    [before.id, ...valuesOf(quota, rate)],
  )
  if (row === undefined) return { kind: 'absent' }
  const limit = limitFrom(row)
  await writeAuditLine(session, by, {
    ...changed('limit.changed', limit),
    before: audited(before),
    after: audited(limit),
  })
  return { kind: 'kept', limit }
}

async function holds(session: SqlSession, projectId: number, token: string): Promise<boolean> {
  const rows = await session.query(
    'select 1 from sluice.project_tokens where project_id = $1 and token = $2 and revoked_at is null',
    [projectId, token],
  )
  return rows.length > 0
}

function valuesOf(quota: Quota | null, rate: Rate | null) {
  return [
    quota?.eventsMax ?? null,
    quota?.period ?? null,
    rate?.eventsPerSecond ?? null,
    rate?.burstEventsMax ?? null,
  ] as const
}

function changed(action: string, { id, projectId }: Limit) {
  return { action, subject: id, projectId }
}

function audited({ token, eventType, quota, rate }: Limit): object {
  return {
    token,
    event_type: eventType,
    quota: quota && { events_max: quota.eventsMax, period: quota.period },
    rate: rate && { events_per_second: rate.eventsPerSecond, burst_events_max: rate.burstEventsMax },
  }
}

interface LimitRow extends Pick<Limit, 'id' | 'projectId' | 'token' | 'eventType' | 'createdAt' | 'updatedAt'> {
  readonly eventsMax: number | null
  readonly period: Quota['period'] | null
  readonly eventsPerSecond: number | null
  readonly burstEventsMax: number | null
}

const columns = `id, project_id as "projectId", token, event_type as "eventType", quota_events_max as "eventsMax",
  quota_period as period, rate_events_per_second as "eventsPerSecond", rate_burst_events_max as "burstEventsMax",
  created_at as "createdAt", updated_at as "updatedAt"`

function limitFrom({ eventsMax, period, eventsPerSecond, burstEventsMax, ...row }: LimitRow): Limit {
  return {
    ...row,
    quota: eventsMax === null || period === null ? null : { eventsMax, period },
    rate: eventsPerSecond === null || burstEventsMax === null ? null : { eventsPerSecond, burstEventsMax },
  }
}
