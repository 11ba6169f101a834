/** A question in SQL about the project's events. */
import { Type } from 'typebox'
import type { AskSql } from '../../../stages/query/ask-sql.ts'
import { projectOf } from '../access.ts'
import { completenessFields, completenessNow } from '../completeness.ts'
import type { CompletenessSource } from '../completeness.ts'
import { goneSignal } from '../gone-signal.ts'
import type { HttpApp } from '../http-app.ts'
import { ProjectPath } from '../project-path.ts'

export interface SqlDeps {
  readonly askSql: AskSql
  readonly completeness: CompletenessSource
}

const SqlQuestion = Type.Object(
  {
    query: Type.String({ description: 'One SELECT over the table `events`.' }),
    parameters: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'Bound where the query says {name:Type}.' }),
    ),
  },
  { additionalProperties: false, title: 'SqlQuestion', description: 'A question in SQL.' },
)

const SqlAnswer = Type.Object(
  {
    columns: Type.Array(
      Type.Object({ name: Type.String(), type: Type.String({ description: 'As ClickHouse says it.' }) }),
    ),
    rows: Type.Array(Type.Array(Type.Unknown()), { description: 'Values in the order of the columns.' }),
    ...completenessFields,
    elapsed_ms: Type.Number({ description: 'Time that it took to answer.' }),
  },
  { title: 'SqlAnswer', description: 'Rows that answer a question in SQL.' },
)

export function sqlRoutes(app: HttpApp, { askSql, completeness }: SqlDeps): void {
  app.post(
    '/api/projects/:id/sql',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'askSql',
        summary: 'Ask in SQL',
        tags: ['Questions'],
        params: ProjectPath,
        body: SqlQuestion,
        response: { 200: SqlAnswer },
      },
    },
    async (request, reply) => {
      const { query, parameters = {} } = request.body
      const gone = goneSignal(reply)
      const complete = await completenessNow(completeness)
      const beganMs = performance.now()
      const { columns, rows } = await askSql(projectOf(request).id, query, parameters, gone)
      return {
        columns: columns.map(({ name, type }) => ({ name, type })),
        rows: rows.map((row) => [...row]),
        ...complete,
        elapsed_ms: performance.now() - beganMs,
      }
    },
  )
}
