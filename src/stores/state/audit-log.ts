/**
 * Who changed what of the installation, and when. A line is written in the transaction of the change itself: there is no change
 * without its line, and no line of a change that failed. Whatever changes something therefore takes who does it, as `by`.
 *
 * Words:
 * - actor: who made a change. `key`: a personal key; `user`: somebody at the console; `cli`: whoever may run commands on the machine,
 *   by his name there; `system`: Sluice itself.
 * - action: what was done to what, in the past: `limit.created`, `token.revoked`.
 * - subject: what it was done to: an id, a token, a login. Never a secret; nor are `before` and `after`.
 */
import type { SqlSession } from './sql-client.ts'

export const actorKinds = ['key', 'user', 'cli', 'system'] as const

export interface Actor {
  readonly kind: (typeof actorKinds)[number]
  readonly id: string
  /** Of the client that asked over HTTP. */
  readonly address?: string
}

/** What Sluice does by itself: at its first start, or when its settings are read again. */
export const systemActor: Actor = { kind: 'system', id: 'sluice' }

export interface AuditedChange {
  readonly action: string
  readonly subject: string
  /** Whose it is; that of the project when there is one. Without either it concerns the whole installation. */
  readonly organizationId?: string
  readonly projectId?: number
  /** In the words of the API; without secrets. */
  readonly before?: object
  readonly after?: object
}

/** `session` is that of the transaction in which the change is made. */
export async function writeAuditLine(session: SqlSession, by: Actor, change: AuditedChange): Promise<void> {
  const { action, subject, projectId = null, organizationId = null, before, after } = change
  await session.query(
    `insert into sluice.audit_log (organization_id, project_id, actor_kind, actor_id, address, action, subject, before, after)
     values (coalesce($1::uuid, (select organization_id from sluice.projects where id = $2::bigint)), $2::bigint,
       $3, $4, $5, $6, $7, $8::jsonb, $9::jsonb)`,
    [
      organizationId,
      projectId,
      by.kind,
      by.id,
      by.address ?? null,
      action,
      subject,
      before === undefined ? null : jsonOf(before),
      after === undefined ? null : jsonOf(after),
    ],
  )
}

export interface AuditLine {
  readonly id: number
  readonly at: Date
  readonly projectId: number | null
  readonly actorKind: Actor['kind']
  readonly actorId: string
  /** The label of the key or the login of the user. */
  readonly actorName: string | null
  readonly action: string
  readonly subject: string
  readonly before: object | null
  readonly after: object | null
  readonly address: string | null
}

/** The newest lines of an organization and of the installation as a whole, below the line `beforeId`. */
export async function listAuditLines(
  sql: SqlSession,
  organizationId: string,
  {
    projectId,
    beforeId,
    limit,
  }: { readonly projectId: number | undefined; readonly beforeId: number | undefined; readonly limit: number },
): Promise<readonly AuditLine[]> {
  return await sql.query<AuditLine>(
    `select a.id, a.at, a.project_id as "projectId", a.actor_kind as "actorKind", a.actor_id as "actorId",
       coalesce(k.label, u.login) as "actorName", a.action, a.subject, a.before, a.after, a.address
     from sluice.audit_log a
       left join sluice.personal_keys k on a.actor_kind = 'key' and k.id::text = a.actor_id
       left join sluice.users u on a.actor_kind = 'user' and u.id::text = a.actor_id
     where (a.organization_id = $1 or (a.organization_id is null and a.project_id is null))
       and ($2::bigint is null or a.project_id = $2) and ($3::bigint is null or a.id < $3)
     order by a.id desc limit $4`,
    [organizationId, projectId ?? null, beforeId ?? null, limit],
  )
}

/** Forgets lines that are older, the oldest first and at most `linesMax` of them; resolves with how many. */
export async function trimAuditLog(sql: SqlSession, retentionDays: number, linesMax: number): Promise<number> {
  const rows = await sql.query(
    `delete from sluice.audit_log where id in (
       select id from (select id, at from sluice.audit_log order by id limit $2) oldest
       where at < now() - $1::int * interval '1 day') returning id`,
    [retentionDays, linesMax],
  )
  return rows.length
}

/** JSON may have halves of characters, which `jsonb` refuses. */
function jsonOf(value: object): string {
  return JSON.stringify(value, (_, one: unknown) => (typeof one === 'string' ? one.toWellFormed() : one))
}
