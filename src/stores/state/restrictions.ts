/**
 * Restrictions: what is done at the door with some events of a project, as people manage them. What they mean for an event is decided in
 * `door-policy.ts`.
 *
 * Each filter that is empty filters nothing; an event must match all others, each by one of its values. One without any filter is about
 * every event of the project.
 */
import type { Lane } from '../../event/position.ts'
import { writeAuditLine } from './audit-log.ts'
import type { Actor } from './audit-log.ts'
import type { RestrictionKind } from './door-policy.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'

export const restrictionKinds = [
  'drop_event_from_ingestion',
  'force_overflow_from_ingestion',
  'skip_person_processing',
  'redirect_to_dlq',
  'redirect_to_topic',
] as const satisfies readonly RestrictionKind[]

export const restrictedPipelines = ['analytics', 'session_recordings', 'ai', 'errortracking'] as const

export interface RestrictionFilters {
  readonly tokens: readonly string[]
  readonly distinctIds: readonly string[]
  readonly sessionIds: readonly string[]
  readonly eventNames: readonly string[]
  /** In lower case. */
  readonly eventUuids: readonly string[]
  readonly pipelines: readonly (typeof restrictedPipelines)[number][]
}

export interface Restriction extends RestrictionFilters {
  readonly id: string
  readonly kind: RestrictionKind
  /** Of `redirect_to_topic`, and of no other: one of `topicLanes`. */
  readonly topic: Lane | null
  readonly createdAt: Date
}

/** Oldest first. */
export async function listRestrictions(sql: SqlSession, projectId: number): Promise<readonly Restriction[]> {
  return await sql.query<Restriction>(
    `select ${columns} from sluice.event_restrictions where project_id = $1 order by created_at, id`,
    [projectId],
  )
}

/** Undefined when the project has `restrictionsMax` already. */
export async function createRestriction(
  sql: SqlClient,
  by: Actor,
  projectId: number,
  wish: Omit<Restriction, 'id' | 'createdAt'>,
  restrictionsMax: number,
): Promise<Restriction | undefined> {
  return await sql.transaction(async (session) => {
    await session.query('select id from sluice.projects where id = $1 for no key update', [projectId])
    const [made] = await session.query<Restriction>(
      `insert into sluice.event_restrictions (project_id, kind, topic, tokens, distinct_ids, session_ids, event_names,
         event_uuids, pipelines)
       select $1::bigint, $2::text, $3::text, $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[]
       where (select count(*) from sluice.event_restrictions where project_id = $1::bigint) < $10::bigint
       returning ${columns}`,
      [
        projectId,
        wish.kind,
        wish.topic,
        wish.tokens,
        wish.distinctIds,
        wish.sessionIds,
        wish.eventNames,
        wish.eventUuids.map((uuid) => uuid.toLowerCase()),
        wish.pipelines,
        restrictionsMax,
      ],
    )
    if (made === undefined) return undefined
    const line = { action: 'restriction.created', subject: made.id, projectId, after: audited(made) }
    await writeAuditLine(session, by, line)
    return made
  })
}

/** False when the project has no such restriction. */
export async function removeRestriction(sql: SqlClient, by: Actor, projectId: number, id: string): Promise<boolean> {
  return await sql.transaction(async (session) => {
    const [before] = await session.query<Restriction>(
      `delete from sluice.event_restrictions where project_id = $1 and id = $2::uuid returning ${columns}`,
      [projectId, id],
    )
    if (before === undefined) return false
    const line = { action: 'restriction.removed', subject: before.id, projectId, before: audited(before) }
    await writeAuditLine(session, by, line)
    return true
  })
}

function audited(restriction: Restriction): object {
  return {
    kind: restriction.kind,
    topic: restriction.topic,
    tokens: restriction.tokens,
    distinct_ids: restriction.distinctIds,
    session_ids: restriction.sessionIds,
    event_names: restriction.eventNames,
    event_uuids: restriction.eventUuids,
    pipelines: restriction.pipelines,
  }
}

const columns = `id, kind, topic, tokens, distinct_ids as "distinctIds", session_ids as "sessionIds",
  event_names as "eventNames", event_uuids as "eventUuids", pipelines, created_at as "createdAt"`
