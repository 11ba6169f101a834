/** Limits of a project's events at the door: over HTTP, and for the command line over the core's socket. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { oneOf, textOrNull } from '../../../stages/query/questions/schema-pieces.ts'
import type { LimitUse } from '../../../stores/intake/intake.ts'
import type { Actor } from '../../../stores/state/audit-log.ts'
import { quotaKey, rateKey } from '../../../stores/state/door-policy.ts'
import {
  changeLimit,
  createLimit,
  limitedResources,
  listLimits,
  quotaPeriods,
  removeLimit,
  setLimit,
} from '../../../stores/state/limits.ts'
import type { Limit, LimitChange, LimitOutcome } from '../../../stores/state/limits.ts'
import { project, projectTokens } from '../../../stores/state/projects.ts'
import type { SqlClient, SqlSession } from '../../../stores/state/sql-client.ts'
import { projectOf } from '../access.ts'
import { actorOf } from '../actor.ts'
import type { HttpApp } from '../http-app.ts'
import { HttpRefusal } from '../problem.ts'
import { ProjectPath } from '../project-path.ts'

export interface ProjectLimitDeps {
  readonly sql: SqlClient
  /** What the door has counted under keys that begin so; undefined when it does not answer. */
  readonly limitUses: (prefixes: readonly string[]) => Promise<readonly LimitUse[] | undefined>
  /** Most limits of a project. */
  readonly limitsMax: number
  /** Most tokens of a project that hold. */
  readonly tokensMax: number
}

/** More would not be told apart by the numbers of JSON. */
const eventsMaxMax = 1_000_000_000_000_000
const eventsPerSecondMax = 1_000_000_000

const Quota = Type.Object(
  {
    events_max: Type.Integer({ minimum: 0, maximum: eventsMaxMax, description: '0 lets none in.' }),
    period: oneOf(quotaPeriods, { description: 'Of the calendar, in UTC. The count begins anew with each.' }),
  },
  { additionalProperties: false, title: 'Quota', description: 'So many stored events in a period.' },
)
const Rate = Type.Object(
  {
    events_per_second: Type.Number({
      minimum: 0,
      maximum: eventsPerSecondMax,
      description: 'What comes back a second.',
    }),
    burst_events_max: Type.Integer({ minimum: 1, maximum: eventsMaxMax, description: 'What the full bucket holds.' }),
  },
  { additionalProperties: false, title: 'Rate', description: 'A token bucket: each stored event takes one.' },
)
const QuotaOrNull = Type.Union([Quota, Type.Null()])
const RateOrNull = Type.Union([Rate, Type.Null()])
const eventTypeField = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000]+$',
  description: `The name of an event, or one of ${limitedResources.join(', ')}: all events, recordings, exceptions, answers to surveys, events of language models.`,
})
const tokenField = Type.Unsafe<string | null>({
  type: ['string', 'null'],
  maxLength: 64,
  pattern: '^[^\\u0000]+$',
  description: 'A token of the project, or null: each token, counted by itself.',
})

const LimitUsed = Type.Object(
  {
    token: Type.String(),
    quota_events: Type.Union([Type.Integer(), Type.Null()], {
      description: 'Events of the present period; null without a quota.',
    }),
    rate_events: Type.Union([Type.Number(), Type.Null()], {
      description: 'What is taken from the bucket now; null without a rate.',
    }),
  },
  { title: 'LimitUsed', description: 'How much of a limit a token has used.' },
)
const LimitAnswer = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    token: textOrNull('The only token that it is about; null: each token, counted by itself.'),
    event_type: Type.String(),
    quota: QuotaOrNull,
    rate: RateOrNull,
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
    used: Type.Union([Type.Array(LimitUsed), Type.Null()], {
      description:
        'By token, as the door counts now, without those that have a limit of their own for the same type; null when the door does not answer.',
    }),
  },
  { title: 'ProjectLimit', description: 'What the door lets in of one type of event.' },
)
const NewLimit = Type.Object(
  {
    token: Type.Optional(tokenField),
    event_type: eventTypeField,
    quota: Type.Optional(QuotaOrNull),
    rate: Type.Optional(RateOrNull),
  },
  { additionalProperties: false, title: 'NewProjectLimit', description: 'With a quota, a rate, or both.' },
)
const ChangedLimit = Type.Object(
  { quota: Type.Optional(QuotaOrNull), rate: Type.Optional(RateOrNull) },
  {
    additionalProperties: false,
    title: 'ProjectLimitChange',
    description: 'What is left out stays; null takes it away. One of both has to be left.',
  },
)
const LimitPath = Type.Object({
  ...ProjectPath.properties,
  limit_id: Type.String({ format: 'uuid', description: 'Id of the limit.' }),
})

const one = '/api/projects/:id/limits/:limit_id'

export function projectLimitRoutes(app: HttpApp, deps: ProjectLimitDeps & { readonly reading: SqlSession }): void {
  const { sql, reading, limitsMax } = deps
  const tags = ['Limits']

  app.get(
    '/api/projects/:id/limits',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listProjectLimits',
        summary: 'Limits of a project, oldest first, and how much of them is used',
        tags,
        params: ProjectPath,
        response: { 200: Type.Object({ limits: Type.Array(LimitAnswer) }) },
      },
    },
    async (request) => {
      const { id } = projectOf(request)
      return { limits: await limitAnswers({ ...deps, sql: reading }, id, await listLimits(reading, id)) }
    },
  )

  app.post(
    '/api/projects/:id/limits',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'createProjectLimit',
        summary: 'Limit what the door lets in',
        description:
          'Holds within a second. An event counts against the limit of its own name and against that of its resource. A limit of one token stands in place of that of all tokens for the same type. A project has one limit of a token and event type: a second one is refused with 409.',
        tags,
        params: ProjectPath,
        body: NewLimit,
        response: { 201: LimitAnswer },
      },
    },
    async (request, reply) => {
      const { id: projectId } = projectOf(request)
      const { token = null, event_type: eventType } = request.body
      refuseEventType(eventType)
      const { quota = null, rate = null } = changeFrom(request.body)
      const made = await createLimit(sql, actorOf(request), { projectId, token, eventType, quota, rate }, limitsMax)
      const limit = keptOr(made, limitsMax)
      void reply.code(201)
      return await limitAnswer(deps, limit)
    },
  )

  app.patch(
    one,
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'changeProjectLimit',
        summary: 'Change a limit',
        description: 'Holds within a second. What was counted stays counted.',
        tags,
        params: LimitPath,
        body: ChangedLimit,
        response: { 200: LimitAnswer },
      },
    },
    async (request) => {
      const { limit_id: id } = request.params
      const change = changeFrom(request.body)
      const changed = await changeLimit(sql, actorOf(request), projectOf(request).id, id, change)
      return await limitAnswer(deps, keptOr(changed, limitsMax))
    },
  )

  app.delete(
    one,
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'removeProjectLimit',
        summary: 'Remove a limit',
        tags,
        params: LimitPath,
        response: { 204: Type.Null({ description: 'Done.' }) },
      },
    },
    async (request, reply) => {
      const { limit_id: id } = request.params
      if (!(await removeLimit(sql, actorOf(request), { id, projectId: projectOf(request).id }))) throw absent()
      void reply.code(204)
      return null
    },
  )
}

/** What `sluice limits` is answered. */
export type ListedLimit = Static<typeof LimitAnswer> & { readonly project: number }

const Project = Type.Integer({ minimum: 1 })
const CliSet = Type.Object({
  by: Type.String({ minLength: 1, maxLength: 200 }),
  project: Project,
  token: tokenField,
  event_type: eventTypeField,
  ...ChangedLimit.properties,
})
const CliRemove = Type.Object({
  by: Type.String({ minLength: 1, maxLength: 200 }),
  id: Type.String({ format: 'uuid' }),
})

/** For whoever may use the socket, of any project. */
export function internalLimitRoutes(app: HttpApp, deps: ProjectLimitDeps): void {
  const { sql, limitsMax } = deps
  const listed = async (limits: readonly Limit[]): Promise<readonly ListedLimit[]> => {
    const told: ListedLimit[] = []
    for (const project of new Set(limits.map(({ projectId }) => projectId))) {
      const own = limits.filter(({ projectId }) => projectId === project)
      told.push(...(await limitAnswers(deps, project, own)).map((answer) => ({ project, ...answer })))
    }
    return told
  }
  const cli = (by: string): Actor => ({ kind: 'cli', id: by })
  const refuseProject = async (id: number): Promise<void> => {
    if ((await project(sql, id)) === undefined) throw new HttpRefusal(404, `There is no project ${String(id)}.`)
  }

  app.get(
    '/internal/limits',
    { schema: { hide: true, querystring: Type.Object({ project: Type.Optional(Project) }) } },
    async (request) => {
      const { project: id } = request.query
      if (id !== undefined) await refuseProject(id)
      return await listed(await listLimits(sql, id))
    },
  )

  app.post('/internal/limits', { schema: { hide: true, body: CliSet } }, async (request) => {
    const { by, project: projectId, token, event_type: eventType } = request.body
    refuseEventType(eventType)
    await refuseProject(projectId)
    const wish = { projectId, token, eventType, change: changeFrom(request.body) }
    return await listed([keptOr(await setLimit(sql, cli(by), wish, limitsMax), limitsMax)])
  })

  app.post('/internal/limits/remove', { schema: { hide: true, body: CliRemove } }, async (request) => {
    const { by, id } = request.body
    if (!(await removeLimit(sql, cli(by), { id }))) throw new HttpRefusal(404, `There is no limit ${id}.`)
    return { removed: id }
  })
}

function changeFrom({ quota, rate }: Static<typeof ChangedLimit>): LimitChange {
  return {
    quota: quota && { eventsMax: quota.events_max, period: quota.period },
    rate: rate && { eventsPerSecond: rate.events_per_second, burstEventsMax: rate.burst_events_max },
  }
}

function refuseEventType(eventType: string): void {
  if (!eventType.startsWith('@') || limitedResources.some((known) => known === eventType)) return
  const known = limitedResources.join(', ')
  throw new HttpRefusal(400, `${eventType} is no resource; there are ${known}, and names of events.`, {
    field: 'body.event_type',
  })
}

function keptOr(outcome: LimitOutcome, limitsMax: number): Limit {
  switch (outcome.kind) {
    case 'kept':
      return outcome.limit
    case 'absent':
      throw absent()
    case 'exists': {
      const { id, token, eventType } = outcome.limit
      const detail = `There is a limit of ${eventType} for ${token ?? 'each token'} already: change ${id}, or delete it first.`
      throw new HttpRefusal(409, detail, { code: 'SLUICE_LIMIT_EXISTS', field: 'body.event_type' })
    }
    case 'full':
      throw new HttpRefusal(422, `The project has ${String(limitsMax)} limits already: delete one first.`, {
        code: 'SLUICE_LIMIT_REACHED',
      })
    case 'unknown_token':
      throw new HttpRefusal(422, 'The project has no such token that holds.', {
        code: 'SLUICE_TOKEN_UNKNOWN',
        field: 'body.token',
      })
    case 'unlimited':
      throw new HttpRefusal(400, 'A limit needs a quota, a rate, or both. To have none, delete it.', {
        field: 'body.quota',
      })
  }
}

function absent(): HttpRefusal {
  return new HttpRefusal(404, 'The project has no such limit.')
}

async function limitAnswer(deps: ProjectLimitDeps, limit: Limit): Promise<Static<typeof LimitAnswer>> {
  const [answer] = await limitAnswers(deps, limit.projectId, [limit])
  if (answer === undefined) throw new Error('A limit was not told.')
  return answer
}

async function limitAnswers(
  { sql, limitUses, tokensMax }: Omit<ProjectLimitDeps, 'sql'> & { readonly sql: SqlSession },
  projectId: number,
  limits: readonly Limit[],
): Promise<Static<typeof LimitAnswer>[]> {
  if (limits.length === 0) return []
  const [tokens, all] = await Promise.all([projectTokens(sql, projectId, tokensMax), listLimits(sql, projectId)])
  // A limit of all tokens is none of those that have one of their own for the same type.
  const countedFor = ({ token, eventType }: Limit): readonly string[] => {
    if (token !== null) return [token]
    const apart = all.filter((one) => one.eventType === eventType).map((one) => one.token)
    return tokens.filter((each) => !apart.includes(each))
  }
  const counted = new Set(limits.flatMap(countedFor))
  const uses = await limitUses([...counted].flatMap((token) => [`quota:{${token}}:`, `rate:{${token}}:`]))
  const usedBy = uses && new Map(uses.map(({ key, used }) => [key, used]))
  const nowMs = Date.now()
  return limits.map((limit) => {
    const { id, token, eventType, quota, rate, createdAt, updatedAt } = limit
    return {
      id,
      token,
      event_type: eventType,
      quota: quota && { events_max: quota.eventsMax, period: quota.period },
      rate: rate && { events_per_second: rate.eventsPerSecond, burst_events_max: rate.burstEventsMax },
      created_at: createdAt.toISOString(),
      updated_at: updatedAt.toISOString(),
      used:
        usedBy === undefined
          ? null
          : countedFor(limit).map((each) => ({
              token: each,
              quota_events: quota && (usedBy.get(quotaKey(each, eventType, quota.period, nowMs)) ?? 0),
              rate_events: rate && (usedBy.get(rateKey(each, eventType)) ?? 0),
            })),
    }
  })
}
