/** The HTTP API as types. `npm run docs` writes this file from the OpenAPI document of the server. */
interface Completeness {
  complete_through: string
  waiting_events: number
  parked_events: number
}
interface Project {
  id: number
  name: string
  answers: 'sdk' | 'strict'
  event_retention_days: number | null
  created_at: string
  tokens: string[]
}
interface Session {
  user: { id: string; login: string }
  organization: { id: string; name: string }
  must_change_password: boolean
}
type Scope = 'read' | 'write' | 'manage'
interface Key {
  id: string
  label: string
  scopes: Scope[]
  created_at: string
  last_used_at: string | null
}
interface Limit {
  name: string
  value: number
  unit: string
  description: string
  environment: string
}
interface Event {
  uuid: string
  event: string
  distinct_id: string
  timestamp: string
  accepted_at: string
  properties: Record<string, unknown>
}
interface PropertyFilter {
  property: string
  operator:
    | 'exact'
    | 'is_not'
    | 'icontains'
    | 'not_icontains'
    | 'regex'
    | 'not_regex'
    | 'gt'
    | 'gte'
    | 'lt'
    | 'lte'
    | 'is_set'
    | 'is_not_set'
  value?: string | number | boolean | (string | number)[]
}
type Interval = 'minute' | 'hour' | 'day' | 'week' | 'month'
interface TrendQuestion {
  series: {
    event?: string
    math: 'total' | 'unique_users' | 'sum' | 'avg' | 'min' | 'max' | 'median' | 'p90' | 'p95' | 'p99'
    property?: string
    filters?: PropertyFilter[]
    name?: string
  }[]
  from: string
  to: string
  interval: Interval
  timezone?: string
  filters?: PropertyFilter[]
  breakdowns?: ({ kind: 'event' } | { kind: 'property'; property: string })[]
  breakdown_limit?: number
  compare_previous?: boolean
}
interface TrendAnswer extends Completeness {
  intervals: string[]
  series: {
    series: number
    name: string
    breakdown: (string | null)[]
    is_other: boolean
    period: 'current' | 'previous'
    values: (number | null)[]
    total: number | null
  }[]
}
interface FunnelQuestion {
  steps: { event: string; filters?: PropertyFilter[]; name?: string }[]
  from: string
  to: string
  window_seconds: number
  filters?: PropertyFilter[]
  breakdown?: { kind: 'property'; property: string }
  breakdown_limit?: number
}
interface FunnelAnswer extends Completeness {
  breakdowns: {
    value: string | null
    is_other: boolean
    steps: { event: string; name: string; users: number; from_start: number; from_previous: number }[]
  }[]
}
interface RetentionQuestion {
  start: { event?: string; filters?: PropertyFilter[] }
  return: { event?: string; filters?: PropertyFilter[] }
  from: string
  to: string
  interval: 'day' | 'week' | 'month'
  timezone?: string
  periods: number
}
interface RetentionAnswer extends Completeness {
  cohorts: { start: string; users: number; returned: number[] }[]
}
interface SqlAnswer extends Completeness {
  columns: { name: string; type: string }[]
  rows: unknown[][]
  elapsed_ms: number
  rows_read: number
}
interface Insight {
  id: string
  name: string
  kind: 'trend' | 'funnel' | 'retention' | 'sql'
  question: Record<string, unknown>
  created_at: string
  updated_at: string
}
interface Position {
  incarnation: number | null
  partition: number
  offset: number
}
interface Journey {
  uuid: string
  fate: 'in_table' | 'waiting' | 'refused' | 'duplicate' | 'dropped' | 'parked' | 'damaged' | 'gone' | 'unknown'
  summary: string
  occurrences: {
    accepted_at: string | null
    steps: {
      stage: 'door' | 'ingestion' | 'warehouse' | 'table'
      verdict: string
      at: string | null
      lane: string | null
      position: Position | null
      reason: string | null
      token: string | null
      detail: string
    }[]
  }[]
  searched: { from: string | null; through: string; complete: boolean }
}
interface Pipeline {
  healthy: boolean
  problems: string[]
  complete_through: string
  waiting_events: number
  oldest_waiting_ms: number | null
  stages: {
    name: 'door' | 'ingestion' | 'warehouse'
    in: number
    out: number
    counts: { name: string; count: number }[]
    waiting: number
    oldest_waiting_ms: number | null
  }[]
  imbalances: string[]
  lanes: {
    lane: string
    records: number
    readers: { name: string; lag: number; oldest_waiting_ms: number | null }[]
    partitions: { partition: number; end: number; lag: number }[]
  }[]
  canary: Record<string, unknown>
  dead_letters: { stage: string; step: string; reason: string; count: number }[]
  processes: { role: string; pid: number; started_at: string; restarts: number }[]
  warehouse: { rows: number; bytes_on_disk: number; parts: number }
}

interface Answer<Status extends number, Body> {
  responses: Record<Status, { headers: Record<string, string>; content: { 'application/json': Body } }>
}
interface NoAnswer {
  responses: { 204: { headers: Record<string, string>; content?: never } }
}
interface Body<T> {
  requestBody: { content: { 'application/json': T } }
}
interface NoBody {
  requestBody?: never
}
interface Nothing {
  parameters: { query?: never; header?: never; path?: never; cookie?: never }
}
interface Path<P> {
  parameters: { query?: never; header?: never; path: P; cookie?: never }
}
interface PathAndQuery<P, Q> {
  parameters: { query?: Q; header?: never; path: P; cookie?: never }
}
interface Id {
  id: number
}

export interface paths {
  '/api/session': {
    post: Nothing & Body<{ login: string; password: string }> & Answer<200, Session>
    get: Nothing & NoBody & Answer<200, Session>
    delete: Nothing & NoBody & NoAnswer
  }
  '/api/session/password': { post: Nothing & Body<{ current_password: string; new_password: string }> & NoAnswer }
  '/api/projects': {
    get: Nothing & NoBody & Answer<200, { projects: Project[] }>
    post: Nothing & Body<{ name: string }> & Answer<201, Project>
  }
  '/api/projects/{id}': {
    get: Path<Id> & NoBody & Answer<200, Project>
    patch: Path<Id> & Body<{ name?: string; event_retention_days?: number | null }> & Answer<200, Project>
  }
  '/api/projects/{id}/tokens': { post: Path<Id> & NoBody & Answer<201, { token: string }> }
  '/api/projects/{id}/tokens/{token}': { delete: Path<Id & { token: string }> & NoBody & NoAnswer }
  '/api/keys': {
    get: Nothing & NoBody & Answer<200, { keys: Key[] }>
    post: Nothing & Body<{ label: string; scopes: Scope[] }> & Answer<201, Key & { key: string }>
  }
  '/api/keys/{id}': { delete: Path<{ id: string }> & NoBody & NoAnswer }
  '/api/limits': { get: Nothing & NoBody & Answer<200, { limits: Limit[] }> }
  '/api/projects/{id}/events': {
    get: PathAndQuery<
      Id,
      {
        event?: string
        distinct_id?: string
        after?: string
        before?: string
        filters?: string
        cursor?: string
        limit?: number
      }
    > &
      NoBody &
      Answer<200, { events: Event[]; next_cursor: string | null } & Completeness>
  }
  '/api/projects/{id}/events/{uuid}': {
    get: Path<Id & { uuid: string }> & NoBody & Answer<200, { event: Event & { position: Position } } & Completeness>
  }
  '/api/projects/{id}/events/{uuid}/journey': { get: Path<Id & { uuid: string }> & NoBody & Answer<200, Journey> }
  '/api/projects/{id}/dead-letters': {
    get: PathAndQuery<Id, { limit?: number }> &
      NoBody &
      Answer<
        200,
        {
          dead_letters: {
            uuid: string
            stage: 'door' | 'ingestion'
            step: string
            reason: string
            at: string
            distinct_id: string
            position: Position
            raw: string
          }[]
          complete: boolean
        }
      >
  }
  '/api/projects/{id}/event-names': {
    get: PathAndQuery<Id, { search?: string; limit?: number }> &
      NoBody &
      Answer<200, { names: { name: string; count: number; last_seen: string }[] }>
  }
  '/api/projects/{id}/properties': {
    get: PathAndQuery<Id, { event?: string }> &
      NoBody &
      Answer<200, { properties: { name: string; has_column: boolean }[] }>
  }
  '/api/projects/{id}/property-values': {
    get: PathAndQuery<Id, { property: string; event?: string; search?: string }> &
      NoBody &
      Answer<200, { values: { value: string; count: number }[] }>
  }
  '/api/projects/{id}/trend': { post: Path<Id> & Body<TrendQuestion> & Answer<200, TrendAnswer> }
  '/api/projects/{id}/funnel': { post: Path<Id> & Body<FunnelQuestion> & Answer<200, FunnelAnswer> }
  '/api/projects/{id}/retention': { post: Path<Id> & Body<RetentionQuestion> & Answer<200, RetentionAnswer> }
  '/api/projects/{id}/sql': {
    post: Path<Id> & Body<{ query: string; parameters?: Record<string, unknown> }> & Answer<200, SqlAnswer>
  }
  '/api/projects/{id}/schema': {
    get: Path<Id> &
      NoBody &
      Answer<
        200,
        {
          tables: { name: string; columns: { name: string; type: string; description: string }[] }[]
          functions: string[]
        }
      >
  }
  '/api/projects/{id}/insights': {
    get: Path<Id> & NoBody & Answer<200, { insights: Insight[] }>
    post: Path<Id> & Body<{ name: string; kind: Insight['kind']; question: object }> & Answer<201, Insight>
  }
  '/api/projects/{id}/insights/{insight_id}': {
    get: Path<Id & { insight_id: string }> & NoBody & Answer<200, Insight>
    patch: Path<Id & { insight_id: string }> & Body<{ name?: string; question?: object }> & Answer<200, Insight>
    delete: Path<Id & { insight_id: string }> & NoBody & NoAnswer
  }
  '/api/pipeline': { get: Nothing & NoBody & Answer<200, Pipeline> }
}
