/** The tokens as lists of them follow: by version, each with what its project says about events at the door. */
import { doorPolicyFrom } from './door-policy.ts'
import type { DoorPolicy } from './door-policy.ts'
import type { Answers } from './projects.ts'
import type { SqlSession } from './sql-client.ts'

/** What a list of tokens says about one of them. */
export interface TokenChange {
  readonly token: string
  readonly projectId: number
  readonly answers: Answers
  readonly revoked: boolean
  /** Larger than that of every change that was visible before. */
  readonly version: number
  /** Undefined when the project says nothing, as most do. Tokens read together share it where it is the same. */
  readonly policy: DoorPolicy | undefined
}

interface TokenRow extends Omit<TokenChange, 'policy'> {
  /** JSON as text, so that what is the same is read once. */
  readonly policy: string | null
}

/** Of each kind. A limit is a quota or a rate or both, and one request counts against 1,000 at most. */
const rulesMax = 500

/**
 * Up to `limit` tokens that were added, changed or revoked after `version`, in order of their versions. Whoever asks again
 * with the last version he got, until there are none, misses nothing; from 0 on these are all tokens.
 */
export async function tokensChangedSince(
  sql: SqlSession,
  version: number,
  limit: number,
): Promise<readonly TokenChange[]> {
  const rows = await sql.query<TokenRow>(tokensWhere('t.version > $1 order by t.version limit $2'), [version, limit])
  const policies = new Map<string, DoorPolicy | undefined>()
  return rows.map((row) => {
    const { policy: json } = row
    if (json === null) return { ...row, policy: undefined }
    if (!policies.has(json)) policies.set(json, doorPolicyFrom(JSON.parse(json)))
    return { ...row, policy: policies.get(json) }
  })
}

/** One token as a list would show it; undefined when nobody has it. */
export async function tokenNow(sql: SqlSession, token: string): Promise<TokenChange | undefined> {
  const [row] = await sql.query<TokenRow>(tokensWhere('t.token = $1'), [token])
  if (row === undefined) return undefined
  return { ...row, policy: row.policy === null ? undefined : doorPolicyFrom(JSON.parse(row.policy)) }
}

/**
 * A rule of the token itself goes before one of the whole project for the same type. The rules of a revoked token are nobody's
 * concern.
 */
function tokensWhere(condition: string): string {
  return `
    with page as materialized (
      select t.token, t.project_id, p.answers, t.revoked_at is not null as revoked, t.version, t.lanes
      from sluice.project_tokens t join sluice.projects p on p.id = t.project_id
      where ${condition}
    )
    select page.token, page.project_id as "projectId", page.answers, page.revoked, page.version,
      case when not page.revoked and num_nonnulls(page.lanes, secrets.list, limits.list, restrictions.list) > 0 then
        json_strip_nulls(json_build_object('signingSecrets', secrets.list, 'lanes', page.lanes, 'limits', limits.list,
          'restrictions', restrictions.list))::text
      end as policy
    from page
    cross join lateral (
      select json_agg(secret order by created_at, id) as list
      from (select * from sluice.signing_secrets
            where project_id = page.project_id and revoked_at is null order by created_at, id limit ${String(rulesMax)}) s
    ) secrets
    cross join lateral (
      select json_agg(json_build_object('id', id, 'eventType', event_type,
        'quota', case when quota_period is not null
          then json_build_object('eventsMax', quota_events_max, 'period', quota_period) end,
        'rate', case when rate_events_per_second is not null
          then json_build_object('eventsPerSecond', rate_events_per_second, 'burstEventsMax', rate_burst_events_max) end)
        order by event_type) as list
      from (select distinct on (event_type) * from sluice.limits
            where project_id = page.project_id and (token is null or token = page.token)
            order by event_type, token nulls last limit ${String(rulesMax)}) l
    ) limits
    cross join lateral (
      select json_agg(json_build_object('id', id, 'kind', kind, 'distinctIds', distinct_ids, 'sessionIds', session_ids,
        'eventNames', event_names, 'eventUuids', event_uuids, 'pipelines', pipelines, 'topic', topic)
        order by created_at, id) as list
      from (select * from sluice.event_restrictions
            where project_id = page.project_id and (tokens = '{}' or page.token = any (tokens))
            order by created_at, id limit ${String(rulesMax)}) r
    ) restrictions
    order by page.version`
}
