/** Who changed what, and when. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { oneOf, textOrNull } from '../../../stages/query/questions/schema-pieces.ts'
import { actorKinds, listAuditLines } from '../../../stores/state/audit-log.ts'
import type { AuditLine } from '../../../stores/state/audit-log.ts'
import type { SqlSession } from '../../../stores/state/sql-client.ts'
import { askerOf } from '../access.ts'
import type { HttpApp } from '../http-app.ts'

const Said = (description: string) =>
  Type.Unsafe<Readonly<Record<string, unknown>> | null>({
    type: ['object', 'null'],
    additionalProperties: true,
    description,
  })
const AuditAnswer = Type.Object(
  {
    id: Type.Integer(),
    at: Type.String({ format: 'date-time' }),
    project: Type.Union([Type.Integer(), Type.Null()], { description: 'Null when it is about no single project.' }),
    actor: Type.Object({
      kind: oneOf(actorKinds, {
        description: 'A personal key, a user of the console, a command on the machine, or Sluice itself.',
      }),
      id: Type.String(),
      name: textOrNull('Label of the key or login of the user.'),
      address: textOrNull('From where it was asked, when it was asked over HTTP.'),
    }),
    action: Type.String({ description: 'What was done to what, as limit.created.' }),
    subject: Type.String({ description: 'What it was done to: an id, a token, a login.' }),
    before: Said('What was said before.'),
    after: Said('What is said from then on.'),
  },
  { title: 'AuditLine', description: 'One change, by one who made it.' },
)

export function auditRoutes(app: HttpApp, { sql }: { readonly sql: SqlSession }): void {
  app.get(
    '/api/audit',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'listAudit',
        summary: 'Who changed what, newest first',
        description: 'Of the organisation, and of the installation as a whole. Secrets are in none of it.',
        tags: ['Audit'],
        querystring: Type.Object(
          {
            project: Type.Optional(Type.Integer({ minimum: 1, description: 'Changes of this project alone.' })),
            cursor: Type.Optional(
              Type.String({ pattern: '^[1-9][0-9]{0,14}$', description: '`next_cursor` of the page before.' }),
            ),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: '50 when left out.' })),
          },
          { additionalProperties: false },
        ),
        response: {
          200: Type.Object({
            lines: Type.Array(AuditAnswer),
            next_cursor: textOrNull('For the next page; null when there is none.'),
          }),
        },
      },
    },
    async (request) => {
      const { project: projectId, cursor, limit = 50 } = request.query
      const beforeId = cursor === undefined ? undefined : Number(cursor)
      const { organizationId } = askerOf(request)
      const found = await listAuditLines(sql, organizationId, { projectId, beforeId, limit: limit + 1 })
      const lines = found.slice(0, limit)
      const last = lines.at(-1)
      return {
        lines: lines.map(auditAnswer),
        next_cursor: found.length > limit && last !== undefined ? String(last.id) : null,
      }
    },
  )
}

function auditAnswer(line: AuditLine): Static<typeof AuditAnswer> {
  return {
    id: line.id,
    at: line.at.toISOString(),
    project: line.projectId,
    actor: { kind: line.actorKind, id: line.actorId, name: line.actorName, address: line.address },
    action: line.action,
    subject: line.subject,
    before: line.before as Readonly<Record<string, unknown>> | null,
    after: line.after as Readonly<Record<string, unknown>> | null,
  }
}
