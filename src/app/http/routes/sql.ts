/** A question in SQL about the project's events. */
import { Type } from 'typebox'
import type { AskSql } from '../../../stages/query/ask-sql.ts'
import type { Vocabulary } from '../../../stages/query/describe-tables.ts'
import { projectOf } from '../access.ts'
import { completenessFields, completenessNow } from '../completeness.ts'
import type { CompletenessSource } from '../completeness.ts'
import { goneSignal } from '../gone-signal.ts'
import type { HttpApp } from '../http-app.ts'
import { ProjectPath } from '../project-path.ts'

export interface SqlDeps {
  readonly askSql: AskSql
  /** Tables and functions that SQL over the project can name. */
  readonly describeTables: (projectId: number, signal: AbortSignal) => Promise<Vocabulary>
  readonly completeness: CompletenessSource
}

export const SqlQuestion = Type.Object(
  {
    query: Type.String({
      description: 'One SELECT over the tables `events`, `session_recording_events` and `heatmaps`.',
    }),
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
    elapsed_ms: Type.Number({ description: 'Time that the engine took.' }),
    rows_read: Type.Integer({ description: 'Rows that the engine looked at.' }),
  },
  { title: 'SqlAnswer', description: 'Rows that answer a question in SQL.' },
)

const VocabularyAnswer = Type.Object(
  {
    tables: Type.Array(
      Type.Object({
        name: Type.String(),
        columns: Type.Array(
          Type.Object({
            name: Type.String(),
            type: Type.String(),
            description: Type.String({ description: 'May be empty.' }),
          }),
        ),
      }),
    ),
    functions: Type.Array(Type.String(), { description: 'Functions that a question may call.' }),
  },
  { title: 'SqlVocabulary', description: 'What SQL over the project can name.' },
)

export function sqlRoutes(app: HttpApp, { askSql, describeTables, completeness }: SqlDeps): void {
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
      const { columns, rows, elapsedMs, rowsRead } = await askSql(projectOf(request).id, query, parameters, gone)
      return {
        columns: columns.map(({ name, type }) => ({ name, type })),
        rows: rows.map((row) => [...row]),
        ...complete,
        elapsed_ms: elapsedMs,
        rows_read: rowsRead,
      }
    },
  )

  app.get(
    '/api/projects/:id/schema',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'describeTables',
        summary: 'What SQL can name',
        tags: ['Questions'],
        params: ProjectPath,
        response: { 200: VocabularyAnswer },
      },
    },
    async (request, reply) => {
      const { tables, functions } = await describeTables(projectOf(request).id, goneSignal(reply))
      return { tables: tables.map((table) => ({ ...table, columns: [...table.columns] })), functions: [...functions] }
    },
  )
}
