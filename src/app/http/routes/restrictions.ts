/** Restrictions: what the door does with some events of a project. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { oneOf } from '../../../stages/query/questions/schema-pieces.ts'
import { topicLanes } from '../../../stores/state/door-policy.ts'
import {
  createRestriction,
  listRestrictions,
  removeRestriction,
  restrictedPipelines,
  restrictionKinds,
} from '../../../stores/state/restrictions.ts'
import type { Restriction } from '../../../stores/state/restrictions.ts'
import type { SqlClient } from '../../../stores/state/sql-client.ts'
import { projectOf } from '../access.ts'
import { actorOf } from '../actor.ts'
import type { HttpApp } from '../http-app.ts'
import { HttpRefusal } from '../problem.ts'
import { ProjectPath } from '../project-path.ts'

export interface RestrictionDeps {
  readonly sql: SqlClient
  /** Most restrictions of a project. */
  readonly restrictionsMax: number
}

/** Doors hold all of it in memory, for each token. */
const valuesMax = 100

const Kind = oneOf(restrictionKinds, {
  description:
    'drop_event_from_ingestion: the sender hears that all is well, and nothing is kept. force_overflow_from_ingestion: they wait while others do not. skip_person_processing: without a person. redirect_to_dlq: they become dead letters. redirect_to_topic: into the lane `topic`.',
})
const Topic = oneOf(topicLanes, { description: 'The lane of redirect_to_topic.' })
const valueText = Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]+$' })
const values = (what: string) => Type.Array(valueText, { maxItems: valuesMax, uniqueItems: true, description: what })
const filters = {
  tokens: values('Tokens of the project that sent them.'),
  distinct_ids: values('Distinct ids.'),
  session_ids: values('Ids of sessions ($session_id).'),
  event_names: values('Names of events.'),
  event_uuids: Type.Array(Type.String({ format: 'uuid' }), {
    maxItems: valuesMax,
    uniqueItems: true,
    description: 'Ids of events.',
  }),
  pipelines: Type.Array(oneOf(restrictedPipelines), {
    maxItems: restrictedPipelines.length,
    uniqueItems: true,
    description: 'Kinds of events.',
  }),
}
const RestrictionAnswer = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    kind: Kind,
    topic: Type.Union([Topic, Type.Null()]),
    ...filters,
    created_at: Type.String({ format: 'date-time' }),
  },
  {
    title: 'Restriction',
    description:
      'What the door does with events that match every filter, each by one of its values. An empty filter filters nothing; without any filter it is about all events of the project.',
  },
)
const NewRestriction = Type.Object(
  {
    kind: Kind,
    topic: Type.Optional(Topic),
    tokens: Type.Optional(filters.tokens),
    distinct_ids: Type.Optional(filters.distinct_ids),
    session_ids: Type.Optional(filters.session_ids),
    event_names: Type.Optional(filters.event_names),
    event_uuids: Type.Optional(filters.event_uuids),
    pipelines: Type.Optional(filters.pipelines),
  },
  { additionalProperties: false, title: 'NewRestriction' },
)
const RestrictionPath = Type.Object({
  ...ProjectPath.properties,
  restriction_id: Type.String({ format: 'uuid', description: 'Id of the restriction.' }),
})

export function restrictionRoutes(app: HttpApp, { sql, restrictionsMax }: RestrictionDeps): void {
  const tags = ['Restrictions']

  app.get(
    '/api/projects/:id/restrictions',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listRestrictions',
        summary: 'Restrictions of a project, oldest first',
        tags,
        params: ProjectPath,
        response: { 200: Type.Object({ restrictions: Type.Array(RestrictionAnswer) }) },
      },
    },
    async (request) => ({
      restrictions: (await listRestrictions(sql, projectOf(request).id)).map(restrictionAnswer),
    }),
  )

  app.post(
    '/api/projects/:id/restrictions',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'createRestriction',
        summary: 'Restrict some events',
        description: 'Holds within a second. To change one, make another and delete it.',
        tags,
        params: ProjectPath,
        body: NewRestriction,
        response: { 201: RestrictionAnswer },
      },
    },
    async (request, reply) => {
      const { body } = request
      refuseTopic(body)
      const wish = {
        kind: body.kind,
        topic: body.topic ?? null,
        tokens: body.tokens ?? [],
        distinctIds: body.distinct_ids ?? [],
        sessionIds: body.session_ids ?? [],
        eventNames: body.event_names ?? [],
        eventUuids: body.event_uuids ?? [],
        pipelines: body.pipelines ?? [],
      }
      const made = await createRestriction(sql, actorOf(request), projectOf(request).id, wish, restrictionsMax)
      if (made === undefined) {
        throw new HttpRefusal(
          422,
          `The project has ${String(restrictionsMax)} restrictions already: delete one first.`,
          {
            code: 'SLUICE_LIMIT_REACHED',
          },
        )
      }
      void reply.code(201)
      return restrictionAnswer(made)
    },
  )

  app.delete(
    '/api/projects/:id/restrictions/:restriction_id',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'removeRestriction',
        summary: 'Remove a restriction',
        tags,
        params: RestrictionPath,
        response: { 204: Type.Null({ description: 'Done.' }) },
      },
    },
    async (request, reply) => {
      const { restriction_id: id } = request.params
      if (!(await removeRestriction(sql, actorOf(request), projectOf(request).id, id))) {
        throw new HttpRefusal(404, 'The project has no such restriction.')
      }
      void reply.code(204)
      return null
    },
  )
}

function refuseTopic({ kind, topic, pipelines }: Static<typeof NewRestriction>): void {
  const field = 'body.topic'
  if (kind === 'redirect_to_topic' && topic === undefined) {
    throw new HttpRefusal(400, `redirect_to_topic needs a topic: one of ${topicLanes.join(', ')}.`, { field })
  }
  if (kind !== 'redirect_to_topic' && topic !== undefined) {
    throw new HttpRefusal(400, `${kind} takes no topic; redirect_to_topic does.`, { field })
  }
  if (kind === 'redirect_to_topic' && pipelines?.includes('session_recordings') === true) {
    const detail = 'Recordings have a lane of their own and are not redirected to that of events.'
    throw new HttpRefusal(400, detail, { field: 'body.pipelines' })
  }
}

function restrictionAnswer(restriction: Restriction): Static<typeof RestrictionAnswer> {
  return {
    id: restriction.id,
    kind: restriction.kind,
    topic: restriction.topic,
    tokens: [...restriction.tokens],
    distinct_ids: [...restriction.distinctIds],
    session_ids: [...restriction.sessionIds],
    event_names: [...restriction.eventNames],
    event_uuids: [...restriction.eventUuids],
    pipelines: [...restriction.pipelines],
    created_at: restriction.createdAt.toISOString(),
  }
}
