/** The tokens as lists of them follow: by version, each with what its project says about events at the door. */
import { doorPolicyOf, projectRulesFrom } from './door-policy.ts'
import type { DoorPolicy, ProjectRules } from './door-policy.ts'
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
  /** Undefined when the project says nothing, as most do. */
  readonly policy: DoorPolicy | undefined
}

interface TokenRow extends Omit<TokenChange, 'policy'> {
  readonly lanes: readonly string[] | null
  /** JSON as text, with the first token of a project alone. */
  readonly rules: string | null
}

/** No project may make more: `api.limitsMax`, `api.restrictionsMax`, `api.signingSecretsMax`. */
const limitsMax = 500
const restrictionsMax = 1000
const secretsMax = 100

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
  return changesFrom(rows)
}

/** One token as a list would show it; undefined when nobody has it. */
export async function tokenNow(sql: SqlSession, token: string): Promise<TokenChange | undefined> {
  return changesFrom(await sql.query<TokenRow>(tokensWhere('t.token = $1'), [token]))[0]
}

function changesFrom(rows: readonly TokenRow[]): readonly TokenChange[] {
  const rulesOf = new Map<number, ProjectRules>()
  for (const { projectId, rules } of rows) {
    if (rules !== null) rulesOf.set(projectId, projectRulesFrom(JSON.parse(rules)))
  }
  return rows.map(({ lanes, rules: _, ...row }) => ({
    ...row,
    policy: row.revoked ? undefined : doorPolicyOf(row.token, lanes, rulesOf.get(row.projectId)),
  }))
}

function tokensWhere(condition: string): string {
  return `
    with page as materialized (
      select t.token, t.project_id, p.answers, t.revoked_at is not null as revoked, t.version, t.lanes,
        row_number() over (partition by t.project_id order by t.version) = 1 as is_first
      from (select * from sluice.project_tokens t where ${condition}) t join sluice.projects p on p.id = t.project_id
    )
    select page.token, page.project_id as "projectId", page.answers, page.revoked, page.version, page.lanes,
      case when num_nonnulls(secrets.list, limits.list, restrictions.list) > 0 then
        json_build_object('signingSecrets', secrets.list, 'limits', limits.list, 'restrictions', restrictions.list)::text
      end as rules
    from page
    left join lateral (
      select json_agg(secret order by created_at, id) as list
      from (select * from sluice.signing_secrets
            where project_id = page.project_id and revoked_at is null order by created_at, id
            limit ${String(secretsMax)}) s
    ) secrets on page.is_first
    left join lateral (
      select json_agg(json_build_object('id', id, 'token', token, 'eventType', event_type,
        'quota', case when quota_period is not null
          then json_build_object('eventsMax', quota_events_max, 'period', quota_period) end,
        'rate', case when rate_events_per_second is not null
          then json_build_object('eventsPerSecond', rate_events_per_second, 'burstEventsMax', rate_burst_events_max) end)
        order by event_type, token) as list
      from (select * from sluice.limits where project_id = page.project_id
            order by event_type, token limit ${String(limitsMax)}) l
    ) limits on page.is_first
    left join lateral (
      select json_agg(json_build_object('id', id, 'kind', kind, 'tokens', tokens, 'distinctIds', distinct_ids,
        'sessionIds', session_ids, 'eventNames', event_names, 'eventUuids', event_uuids, 'pipelines', pipelines, 'topic', topic)
        order by created_at, id) as list
      from (select * from sluice.event_restrictions where project_id = page.project_id
            order by created_at, id limit ${String(restrictionsMax)}) r
    ) restrictions on page.is_first
    order by page.version`
}
