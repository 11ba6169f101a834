/** Secrets by which servers sign what they send to a project. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { createSigningSecret, listSigningSecrets, revokeSigningSecret } from '../../../stores/state/signing-secrets.ts'
import type { SigningSecret } from '../../../stores/state/signing-secrets.ts'
import type { SqlClient } from '../../../stores/state/sql-client.ts'
import { projectOf } from '../access.ts'
import { actorOf } from '../actor.ts'
import type { HttpApp } from '../http-app.ts'
import { nameText } from '../name-text.ts'
import { HttpRefusal } from '../problem.ts'
import { ProjectPath } from '../project-path.ts'

export interface SigningSecretDeps {
  readonly sql: SqlClient
  /** Most secrets of a project that hold. */
  readonly signingSecretsMax: number
}

const fields = {
  id: Type.String({ format: 'uuid' }),
  label: Type.String(),
  created_at: Type.String({ format: 'date-time' }),
}
const SecretAnswer = Type.Object(fields, {
  title: 'SigningSecret',
  description: 'A secret for signatures, without the secret itself.',
})
const CreatedSecret = Type.Object(
  { ...fields, secret: Type.String({ description: 'The secret itself, shown this once.' }) },
  { title: 'CreatedSigningSecret' },
)
const NewSecret = Type.Object(
  { label: nameText('Who signs with it.') },
  { additionalProperties: false, title: 'NewSigningSecret' },
)
const SecretPath = Type.Object({
  ...ProjectPath.properties,
  secret_id: Type.String({ format: 'uuid', description: 'Id of the secret.' }),
})

export function signingSecretRoutes(app: HttpApp, { sql, signingSecretsMax }: SigningSecretDeps): void {
  const tags = ['Signing secrets']

  app.get(
    '/api/projects/:id/signing-secrets',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'listSigningSecrets',
        summary: 'Secrets for signatures that hold, oldest first',
        tags,
        params: ProjectPath,
        response: { 200: Type.Object({ signing_secrets: Type.Array(SecretAnswer) }) },
      },
    },
    async (request) => ({
      signing_secrets: (await listSigningSecrets(sql, projectOf(request).id)).map(secretAnswer),
    }),
  )

  app.post(
    '/api/projects/:id/signing-secrets',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'createSigningSecret',
        summary: 'Make a secret for signatures',
        description:
          'From the first one on, the project takes signed requests alone: browsers, which cannot keep a secret, are refused. Make a second one and delete the first to change it without a gap.',
        tags,
        params: ProjectPath,
        body: NewSecret,
        response: { 201: CreatedSecret },
      },
    },
    async (request, reply) => {
      const { id } = projectOf(request)
      const made = await createSigningSecret(sql, actorOf(request), id, request.body.label, signingSecretsMax)
      if (made === undefined) {
        throw new HttpRefusal(422, `The project has ${String(signingSecretsMax)} secrets already: delete one first.`, {
          code: 'SLUICE_LIMIT_REACHED',
        })
      }
      void reply.code(201)
      return { ...secretAnswer(made.listed), secret: made.secret }
    },
  )

  app.delete(
    '/api/projects/:id/signing-secrets/:secret_id',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'revokeSigningSecret',
        summary: 'Revoke a secret for signatures',
        description: 'When it was the last one, requests need no signature any more.',
        tags,
        params: SecretPath,
        response: { 204: Type.Null({ description: 'Done.' }) },
      },
    },
    async (request, reply) => {
      const { secret_id: id } = request.params
      if (!(await revokeSigningSecret(sql, actorOf(request), projectOf(request).id, id))) {
        throw new HttpRefusal(404, 'The project has no such secret.')
      }
      void reply.code(204)
      return null
    },
  )
}

function secretAnswer({ id, label, createdAt }: SigningSecret): Static<typeof SecretAnswer> {
  return { id, label, created_at: createdAt.toISOString() }
}
