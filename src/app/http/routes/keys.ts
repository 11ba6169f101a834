/** Personal keys: by which programs use this API. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { addPersonalKey, listPersonalKeys, revokePersonalKey, scopes } from '../../../stores/state/keys.ts'
import type { ListedKey } from '../../../stores/state/keys.ts'
import type { SqlClient } from '../../../stores/state/sql-client.ts'
import { oneOf } from '../../../stages/query/questions/schema-pieces.ts'
import { askerOf } from '../access.ts'
import { actorOf } from '../actor.ts'
import type { HttpApp } from '../http-app.ts'
import { nameText } from '../name-text.ts'
import { HttpRefusal } from '../problem.ts'

export interface KeyDeps {
  readonly sql: SqlClient
  /** Most keys of an organisation. */
  readonly keysMax: number
}

const Scope = oneOf(scopes, {
  description: 'read: ask. write: keep insights. manage: change projects, tokens and keys.',
})

const keyFields = {
  id: Type.String({ format: 'uuid' }),
  label: Type.String(),
  scopes: Type.Array(Scope),
  created_at: Type.String({ format: 'date-time' }),
  last_used_at: Type.Union([Type.String({ format: 'date-time' }), Type.Null()], { description: 'To the minute.' }),
}
const Key = Type.Object(keyFields, { title: 'Key', description: 'A personal key, without the key itself.' })
const CreatedKey = Type.Object(
  { ...keyFields, key: Type.String({ description: 'The key itself. It is kept nowhere and shown this once.' }) },
  { title: 'CreatedKey' },
)
const NewKey = Type.Object(
  {
    label: nameText('What it is for.'),
    scopes: Type.Array(Scope, { minItems: 1, maxItems: scopes.length, uniqueItems: true }),
  },
  { additionalProperties: false, title: 'NewKey' },
)

export function keyRoutes(app: HttpApp, { sql, keysMax }: KeyDeps): void {
  const tags = ['Keys']

  app.get(
    '/api/keys',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'listKeys',
        summary: 'Personal keys that hold',
        tags,
        response: { 200: Type.Object({ keys: Type.Array(Key) }) },
      },
    },
    async (request) => {
      const keys = await listPersonalKeys(sql, askerOf(request).organizationId)
      return { keys: keys.map(keyAnswer) }
    },
  )

  app.post(
    '/api/keys',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'createKey',
        summary: 'Make a personal key',
        description: 'With scopes that the asker has.',
        tags,
        body: NewKey,
        response: { 201: CreatedKey },
      },
    },
    async (request, reply) => {
      const asker = askerOf(request)
      const missing = request.body.scopes.find((scope) => !asker.scopes.includes(scope))
      if (missing !== undefined) {
        throw new HttpRefusal(403, `You lack the scope "${missing}", so you cannot give it away.`, {
          code: 'SLUICE_SCOPE_MISSING',
        })
      }
      const wish = { ...request.body, organizationId: asker.organizationId }
      const made = await addPersonalKey(sql, actorOf(request), wish, keysMax)
      if (made === undefined) {
        throw new HttpRefusal(422, `There are ${String(keysMax)} keys already: revoke one first.`, {
          code: 'SLUICE_LIMIT_REACHED',
        })
      }
      void reply.code(201)
      return { ...keyAnswer(made.listed), key: made.text }
    },
  )

  app.delete(
    '/api/keys/:key_id',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'revokeKey',
        summary: 'Revoke a personal key',
        tags,
        params: Type.Object({ key_id: Type.String({ format: 'uuid', description: 'Id of the key.' }) }),
        response: { 204: Type.Null({ description: 'Done.' }) },
      },
    },
    async (request, reply) => {
      const { organizationId } = askerOf(request)
      if (!(await revokePersonalKey(sql, actorOf(request), organizationId, request.params.key_id))) {
        throw new HttpRefusal(404, 'There is no such key; GET /api/keys lists yours.')
      }
      void reply.code(204)
      return null
    },
  )
}

function keyAnswer({ id, label, scopes: own, createdAt, lastUsedAt }: ListedKey): Static<typeof Key> {
  return {
    id,
    label,
    scopes: [...own],
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt?.toISOString() ?? null,
  }
}
