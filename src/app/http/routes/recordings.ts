/** Recorded sessions of a project, and their snapshots. */
import { Type } from 'typebox'
import type { RecordingsOf } from '../../../stages/query/ask-recordings.ts'
import { RecordingsAnswer, SnapshotsAnswer } from '../../../stages/query/questions/recordings.ts'
import { projectOf } from '../access.ts'
import { completenessFields, completenessNow } from '../completeness.ts'
import type { CompletenessSource } from '../completeness.ts'
import { goneSignal } from '../gone-signal.ts'
import type { HttpApp } from '../http-app.ts'
import { HttpRefusal } from '../problem.ts'
import { ProjectPath } from '../project-path.ts'

export interface RecordingsDeps {
  readonly recordingsOf: RecordingsOf
  /** Of recordings. */
  readonly completeness: CompletenessSource
}

const limitDefault = 50
const cursor = Type.Optional(Type.String({ maxLength: 300, description: '`next_cursor` of the page before.' }))

const RecordingsQuery = Type.Object(
  {
    after: Type.Optional(Type.String({ format: 'date-time', description: 'Only sessions that began then or later.' })),
    before: Type.Optional(
      Type.String({ format: 'date-time', description: 'Only sessions that began earlier than this.' }),
    ),
    distinct_id: Type.Optional(
      Type.String({ minLength: 1, maxLength: 10_000, description: 'Only sessions of exactly this user.' }),
    ),
    cursor,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: limitDefault })),
  },
  { additionalProperties: false },
)

const SessionPath = Type.Object({
  ...ProjectPath.properties,
  session_id: Type.String({ minLength: 1, maxLength: 200, description: 'Id of the session.' }),
})

const access = { access: 'read' } as const
const tags = ['Recordings']

export function recordingRoutes(app: HttpApp, { recordingsOf, completeness }: RecordingsDeps): void {
  app.get(
    '/api/projects/:id/recordings',
    {
      config: access,
      schema: {
        operationId: 'listRecordings',
        summary: 'Sessions that were recorded',
        tags,
        params: ProjectPath,
        querystring: RecordingsQuery,
        response: {
          200: Type.Object({ ...RecordingsAnswer.properties, ...completenessFields }, { title: 'RecordingsAnswer' }),
        },
      },
    },
    async (request, reply) => {
      const question = { ...request.query, limit: request.query.limit ?? limitDefault }
      const gone = goneSignal(reply)
      const complete = await completenessNow(completeness)
      return { ...(await recordingsOf(projectOf(request).id, gone).recordings(question)), ...complete }
    },
  )

  app.get(
    '/api/projects/:id/recordings/:session_id/snapshots',
    {
      config: access,
      schema: {
        operationId: 'listSnapshots',
        summary: 'Snapshots of a recorded session, in their order',
        tags,
        params: SessionPath,
        querystring: Type.Object({ cursor }, { additionalProperties: false }),
        response: {
          200: Type.Object({ ...SnapshotsAnswer.properties, ...completenessFields }, { title: 'SnapshotsAnswer' }),
        },
      },
    },
    async (request, reply) => {
      const { session_id: session } = request.params
      const gone = goneSignal(reply)
      const complete = await completenessNow(completeness)
      const found = await recordingsOf(projectOf(request).id, gone).snapshots(session, request.query.cursor)
      if (found === undefined) {
        throw new HttpRefusal(404, `There are no snapshots of the session ${session}.`, { code: 'SLUICE_NOT_FOUND' })
      }
      return { ...found, ...complete }
    },
  )
}
