/** Questions that have a shape: trend, funnel, retention. */
import { Type } from 'typebox'
import type { QuestionsOf } from '../../../stages/query/ask-questions.ts'
import { FunnelAnswer, FunnelQuestion } from '../../../stages/query/questions/funnel.ts'
import { RetentionAnswer, RetentionQuestion } from '../../../stages/query/questions/retention.ts'
import { TrendAnswer, TrendQuestion } from '../../../stages/query/questions/trend.ts'
import { projectOf } from '../access.ts'
import { completenessFields, completenessNow } from '../completeness.ts'
import type { CompletenessSource } from '../completeness.ts'
import { goneSignal } from '../gone-signal.ts'
import type { HttpApp } from '../http-app.ts'
import { ProjectPath } from '../project-path.ts'

export interface QuestionsDeps {
  readonly questionsOf: QuestionsOf
  readonly completeness: CompletenessSource
}

const access = { access: 'read' } as const
const tags = ['Questions']

export function questionRoutes(app: HttpApp, { questionsOf, completeness }: QuestionsDeps): void {
  app.post(
    '/api/projects/:id/trend',
    {
      config: access,
      schema: {
        operationId: 'askTrend',
        summary: 'How often something happened, over time',
        tags,
        params: ProjectPath,
        body: TrendQuestion,
        response: { 200: Type.Object({ ...TrendAnswer.properties, ...completenessFields }, { title: 'TrendAnswer' }) },
      },
    },
    async (request, reply) => {
      const gone = goneSignal(reply)
      const complete = await completenessNow(completeness)
      return { ...(await questionsOf(projectOf(request).id, gone).trend(request.body)), ...complete }
    },
  )

  app.post(
    '/api/projects/:id/funnel',
    {
      config: access,
      schema: {
        operationId: 'askFunnel',
        summary: 'How many users went through some steps in order',
        tags,
        params: ProjectPath,
        body: FunnelQuestion,
        response: {
          200: Type.Object({ ...FunnelAnswer.properties, ...completenessFields }, { title: 'FunnelAnswer' }),
        },
      },
    },
    async (request, reply) => {
      const gone = goneSignal(reply)
      const complete = await completenessNow(completeness)
      return { ...(await questionsOf(projectOf(request).id, gone).funnel(request.body)), ...complete }
    },
  )

  app.post(
    '/api/projects/:id/retention',
    {
      config: access,
      schema: {
        operationId: 'askRetention',
        summary: 'How many users came back',
        tags,
        params: ProjectPath,
        body: RetentionQuestion,
        response: {
          200: Type.Object({ ...RetentionAnswer.properties, ...completenessFields }, { title: 'RetentionAnswer' }),
        },
      },
    },
    async (request, reply) => {
      const gone = goneSignal(reply)
      const complete = await completenessNow(completeness)
      return { ...(await questionsOf(projectOf(request).id, gone).retention(request.body)), ...complete }
    },
  )
}
