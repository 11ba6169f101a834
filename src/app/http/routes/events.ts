/** Single events of a project, and what there is to ask about: names and values. */
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import type { QuestionsOf } from '../../../stages/query/ask-questions.ts'
import { EventsAnswer, LocatedEvent } from '../../../stages/query/questions/events.ts'
import { EventNamesAnswer, PropertiesAnswer, PropertyValuesAnswer } from '../../../stages/query/questions/names.ts'
import { PropertyFilters, PropertyName } from '../../../stages/query/questions/property-filter.ts'
import type { PropertyFilter } from '../../../stages/query/questions/property-filter.ts'
import { senseless } from '../../../stages/query/questions/refused-question.ts'
import { projectOf } from '../access.ts'
import { completenessFields, completenessNow } from '../completeness.ts'
import type { CompletenessSource } from '../completeness.ts'
import { goneSignal } from '../gone-signal.ts'
import type { HttpApp } from '../http-app.ts'
import { HttpRefusal } from '../problem.ts'
import { EventPath, ProjectPath } from '../project-path.ts'

export interface EventsDeps {
  readonly questionsOf: QuestionsOf
  readonly completeness: CompletenessSource
}

const eventName = Type.String({ minLength: 1, maxLength: 10_000, description: 'Only events of exactly this name.' })
const search = Type.String({ maxLength: 200, description: 'Only what contains this, in capitals or not.' })
const limitDefault = 50
const namesDefault = 100

const EventsQuery = Type.Object(
  {
    event: Type.Optional(eventName),
    distinct_id: Type.Optional(
      Type.String({ minLength: 1, maxLength: 10_000, description: 'Only events of exactly this user.' }),
    ),
    after: Type.Optional(Type.String({ format: 'date-time', description: 'Only events of this time or later.' })),
    before: Type.Optional(Type.String({ format: 'date-time', description: 'Only events earlier than this.' })),
    filters: Type.Optional(Type.String({ maxLength: 10_000, description: 'JSON of a list of PropertyFilter.' })),
    cursor: Type.Optional(Type.String({ maxLength: 200, description: '`next_cursor` of the page before.' })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: limitDefault })),
  },
  { additionalProperties: false },
)

const EventNamesQuery = Type.Object(
  {
    search: Type.Optional(search),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: namesDefault })),
  },
  { additionalProperties: false },
)

const PropertiesQuery = Type.Object({ event: Type.Optional(eventName) }, { additionalProperties: false })

const PropertyValuesQuery = Type.Object(
  { property: PropertyName, event: Type.Optional(eventName), search: Type.Optional(search) },
  { additionalProperties: false },
)

const access = { access: 'read' } as const
const tags = ['Events']

export function eventsRoutes(app: HttpApp, { questionsOf, completeness }: EventsDeps): void {
  app.get(
    '/api/projects/:id/events',
    {
      config: access,
      schema: {
        operationId: 'listEvents',
        summary: 'The newest events that match',
        tags,
        params: ProjectPath,
        querystring: EventsQuery,
        response: {
          200: Type.Object({ ...EventsAnswer.properties, ...completenessFields }, { title: 'EventsAnswer' }),
        },
      },
    },
    async (request, reply) => {
      const { filters, limit = limitDefault, ...rest } = request.query
      const question = { ...rest, limit, ...(filters === undefined ? {} : { filters: filtersFrom(filters) }) }
      const gone = goneSignal(reply)
      const complete = await completenessNow(completeness)
      return { ...(await questionsOf(projectOf(request).id, gone).events(question)), ...complete }
    },
  )

  app.get(
    '/api/projects/:id/events/:uuid',
    {
      config: access,
      schema: {
        operationId: 'getEvent',
        summary: 'One event, and where it stands in the log',
        tags,
        params: EventPath,
        response: { 200: Type.Object({ event: LocatedEvent, ...completenessFields }, { title: 'EventAnswer' }) },
      },
    },
    async (request, reply) => {
      const { id } = projectOf(request)
      const { uuid } = request.params
      const gone = goneSignal(reply)
      const complete = await completenessNow(completeness)
      const event = await questionsOf(id, gone).event(uuid)
      if (event === undefined) {
        const journey = `/api/projects/${String(id)}/events/${uuid}/journey`
        throw new HttpRefusal(404, `The table has no event ${uuid}. GET ${journey} says what became of it.`, {
          code: 'SLUICE_NOT_FOUND',
        })
      }
      return { event, ...complete }
    },
  )

  app.get(
    '/api/projects/:id/event-names',
    {
      config: access,
      schema: {
        operationId: 'listEventNames',
        summary: 'Names of the events of the last 30 days',
        tags,
        params: ProjectPath,
        querystring: EventNamesQuery,
        response: { 200: Type.Object(EventNamesAnswer.properties, { title: 'EventNamesAnswer' }) },
      },
    },
    (request, reply) =>
      questionsOf(projectOf(request).id, goneSignal(reply)).eventNames({
        ...request.query,
        limit: request.query.limit ?? namesDefault,
      }),
  )

  app.get(
    '/api/projects/:id/properties',
    {
      config: access,
      schema: {
        operationId: 'listProperties',
        summary: 'Names of properties of the newest events',
        tags,
        params: ProjectPath,
        querystring: PropertiesQuery,
        response: { 200: Type.Object(PropertiesAnswer.properties, { title: 'PropertiesAnswer' }) },
      },
    },
    (request, reply) => questionsOf(projectOf(request).id, goneSignal(reply)).properties(request.query),
  )

  app.get(
    '/api/projects/:id/property-values',
    {
      config: access,
      schema: {
        operationId: 'listPropertyValues',
        summary: 'Values of a property of the newest events',
        tags,
        params: ProjectPath,
        querystring: PropertyValuesQuery,
        response: { 200: Type.Object(PropertyValuesAnswer.properties, { title: 'PropertyValuesAnswer' }) },
      },
    },
    (request, reply) => questionsOf(projectOf(request).id, goneSignal(reply)).propertyValues(request.query),
  )
}

const filtersShape = Compile(PropertyFilters)

function filtersFrom(text: string): PropertyFilter[] {
  let filters: unknown
  try {
    filters = JSON.parse(text)
  } catch {
    throw senseless('filters', 'This is no JSON.')
  }
  if (filtersShape.Check(filters)) return filters
  const [error] = filtersShape.Errors(filters)
  const field = ['filters', ...(error?.instancePath ?? '').split('/').filter((part) => part !== '')].join('.')
  throw senseless(field, error?.message ?? 'This is no list of filters.')
}
