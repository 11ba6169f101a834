/** Questions that people keep. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import {
  changeInsight,
  createInsight,
  deleteInsight,
  insight,
  insightKinds,
  listInsights,
} from '../../../stores/state/insights.ts'
import type { Insight, InsightKind } from '../../../stores/state/insights.ts'
import type { SqlClient } from '../../../stores/state/sql-client.ts'
import { oneOf } from '../../../stages/query/questions/schema-pieces.ts'
import { projectOf } from '../access.ts'
import type { HttpApp } from '../http-app.ts'
import { nameText } from '../name-text.ts'
import { HttpRefusal } from '../problem.ts'
import { ProjectPath } from '../project-path.ts'

export interface InsightDeps {
  readonly sql: SqlClient
  /** What is wrong with a question of this kind, by the schema of its own route; undefined when nothing is. */
  readonly complaintAbout: (kind: InsightKind, question: unknown) => string | undefined
  /** Most insights of a project. */
  readonly insightsMax: number
}

const Kind = oneOf(insightKinds, { description: 'Which question it is.' })
const Question = Type.Unsafe<Readonly<Record<string, unknown>>>({
  type: 'object',
  additionalProperties: true,
  description: 'As the route of its kind takes it.',
})
const InsightAnswer = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    name: Type.String(),
    kind: Kind,
    question: Question,
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
  },
  { title: 'Insight', description: 'A question that is kept.' },
)
const NewInsight = Type.Object(
  { name: nameText('What it is called.'), kind: Kind, question: Question },
  { additionalProperties: false, title: 'NewInsight' },
)
const InsightChange = Type.Object(
  { name: Type.Optional(nameText('What it is called.')), question: Type.Optional(Question) },
  { additionalProperties: false, title: 'InsightChange', description: 'What is left out stays.' },
)
const InsightPath = Type.Object({
  ...ProjectPath.properties,
  insight_id: Type.String({ format: 'uuid', description: 'Id of the insight.' }),
})

const one = '/api/projects/:id/insights/:insight_id'

export function insightRoutes(app: HttpApp, { sql, complaintAbout, insightsMax }: InsightDeps): void {
  const tags = ['Insights']

  const refuseQuestion = (kind: InsightKind, question: unknown): void => {
    const complaint = complaintAbout(kind, question)
    if (complaint !== undefined) throw new HttpRefusal(400, `This is no question of the kind ${kind}: ${complaint}`)
  }

  app.get(
    '/api/projects/:id/insights',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listInsights',
        summary: 'Insights of a project, oldest first',
        tags,
        params: ProjectPath,
        response: { 200: Type.Object({ insights: Type.Array(InsightAnswer) }) },
      },
    },
    async (request) => ({ insights: (await listInsights(sql, projectOf(request).id)).map(insightAnswer) }),
  )

  app.post(
    '/api/projects/:id/insights',
    {
      config: { access: 'write' },
      schema: {
        operationId: 'createInsight',
        summary: 'Keep a question',
        tags,
        params: ProjectPath,
        body: NewInsight,
        response: { 201: InsightAnswer },
      },
    },
    async (request, reply) => {
      refuseQuestion(request.body.kind, request.body.question)
      const made = await createInsight(sql, projectOf(request).id, request.body, insightsMax)
      if (made === undefined) {
        throw new HttpRefusal(422, `The project has ${String(insightsMax)} insights already: delete one first.`, {
          code: 'SLUICE_LIMIT_REACHED',
        })
      }
      void reply.code(201)
      return insightAnswer(made)
    },
  )

  app.get(
    one,
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getInsight',
        summary: 'One insight',
        tags,
        params: InsightPath,
        response: { 200: InsightAnswer },
      },
    },
    async (request) => insightAnswer(present(await insight(sql, projectOf(request).id, request.params.insight_id))),
  )

  app.patch(
    one,
    {
      config: { access: 'write' },
      schema: {
        operationId: 'changeInsight',
        summary: 'Change an insight',
        tags,
        params: InsightPath,
        body: InsightChange,
        response: { 200: InsightAnswer },
      },
    },
    async (request) => {
      const project = projectOf(request).id
      const { insight_id: id } = request.params
      const { question } = request.body
      if (question !== undefined) refuseQuestion(present(await insight(sql, project, id)).kind, question)
      return insightAnswer(present(await changeInsight(sql, project, id, request.body)))
    },
  )

  app.delete(
    one,
    {
      config: { access: 'write' },
      schema: {
        operationId: 'deleteInsight',
        summary: 'Delete an insight',
        tags,
        params: InsightPath,
        response: { 204: Type.Null({ description: 'Done.' }) },
      },
    },
    async (request, reply) => {
      if (!(await deleteInsight(sql, projectOf(request).id, request.params.insight_id))) throw absent()
      void reply.code(204)
      return null
    },
  )
}

function present(found: Insight | undefined): Insight {
  if (found === undefined) throw absent()
  return found
}

function absent(): HttpRefusal {
  return new HttpRefusal(404, 'The project has no such insight.')
}

function insightAnswer({ id, name, kind, question, createdAt, updatedAt }: Insight): Static<typeof InsightAnswer> {
  return {
    id,
    name,
    kind,
    question: question as Readonly<Record<string, unknown>>,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  }
}
