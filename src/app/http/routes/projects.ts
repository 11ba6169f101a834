/** Projects and the tokens by which SDKs write to them. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { flows } from '../../../event/flows.ts'
import { oneOf } from '../../../stages/query/questions/schema-pieces.ts'
import {
  addProjectToken,
  changeProject,
  createProject,
  laneTokens,
  listProjects,
  projectTokens,
  revokeProjectToken,
} from '../../../stores/state/projects.ts'
import type { Project } from '../../../stores/state/projects.ts'
import type { SqlClient, SqlSession } from '../../../stores/state/sql-client.ts'
import { askerOf, projectOf } from '../access.ts'
import { actorOf } from '../actor.ts'
import type { HttpApp } from '../http-app.ts'
import { nameText } from '../name-text.ts'
import { HttpRefusal } from '../problem.ts'
import { ProjectPath } from '../project-path.ts'

export interface ProjectDeps {
  readonly sql: SqlClient
  /** For what is told of projects. */
  readonly reading: SqlSession
  /** Most projects of an organisation. */
  readonly projectsMax: number
  /** Most tokens of a project that hold. */
  readonly tokensMax: number
}

const Answers = oneOf(['sdk', 'strict'], {
  description: 'How the door answers refused events: as SDKs need it, or with a status for each refusal.',
})
const Lane = oneOf(Object.values(flows).flatMap(({ sources }) => sources))
const TokenLanes = Type.Object(
  { token: Type.String(), lanes: Type.Array(Lane) },
  { title: 'TokenLanes', description: 'A token and the lanes that it may write.' },
)
const ProjectAnswer = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    answers: Answers,
    event_retention_days: Type.Union([Type.Integer(), Type.Null()], {
      description: 'How long events are kept; null: for ever.',
    }),
    created_at: Type.String({ format: 'date-time' }),
    tokens: Type.Array(Type.String(), { description: 'By which SDKs write, oldest first.' }),
    token_lanes: Type.Array(TokenLanes, { description: 'Those of them that may not write everything.' }),
  },
  { title: 'Project', description: 'What events are kept apart by.' },
)

const NewProject = Type.Object(
  { name: nameText('What it is called.') },
  { additionalProperties: false, title: 'NewProject' },
)
const ProjectChange = Type.Object(
  {
    name: Type.Optional(nameText('What it is called.')),
    answers: Type.Optional(Answers),
    event_retention_days: Type.Optional(
      Type.Union([Type.Integer({ minimum: 1, maximum: 36_500 }), Type.Null()], {
        description: 'For events that are stored from now on; null: for ever.',
      }),
    ),
  },
  { additionalProperties: false, title: 'ProjectChange', description: 'What is left out stays.' },
)
const NewToken = Type.Object(
  {
    lanes: Type.Optional(
      Type.Array(Lane, {
        minItems: 1,
        uniqueItems: true,
        description: 'Where its events may go; all lanes when left out. Events for other lanes are refused one by one.',
      }),
    ),
  },
  { additionalProperties: false, title: 'NewToken' },
)
const TokenPath = Type.Object({
  ...ProjectPath.properties,
  token: Type.String({ minLength: 1, maxLength: 64, description: 'The token itself.' }),
})

export function projectRoutes(app: HttpApp, { sql, reading, projectsMax, tokensMax }: ProjectDeps): void {
  const tags = ['Projects']

  async function projectAnswer(project: Project): Promise<Static<typeof ProjectAnswer>> {
    return {
      id: project.id,
      name: project.name,
      answers: project.answers,
      event_retention_days: project.eventRetentionDays ?? null,
      created_at: project.createdAt.toISOString(),
      tokens: [...(await projectTokens(reading, project.id, tokensMax))],
      token_lanes: (await laneTokens(reading, project.id)).map(({ token, lanes }) => ({ token, lanes: [...lanes] })),
    }
  }

  app.get(
    '/api/projects',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listProjects',
        summary: 'Projects that the asker may see',
        tags,
        response: { 200: Type.Object({ projects: Type.Array(ProjectAnswer) }) },
      },
    },
    async (request) => {
      const projects = await listProjects(reading, askerOf(request).organizationId)
      return { projects: await Promise.all(projects.map(projectAnswer)) }
    },
  )

  app.get(
    '/api/projects/:id',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getProject',
        summary: 'One project',
        tags,
        params: ProjectPath,
        response: { 200: ProjectAnswer },
      },
    },
    (request) => projectAnswer(projectOf(request)),
  )

  app.post(
    '/api/projects',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'createProject',
        summary: 'Make a project',
        description: 'It has a first token.',
        tags,
        body: NewProject,
        response: { 201: ProjectAnswer },
      },
    },
    async (request, reply) => {
      const { organizationId } = askerOf(request)
      const made = await createProject(sql, actorOf(request), organizationId, request.body.name, projectsMax)
      if (made === undefined) throw limitReached(`There are ${String(projectsMax)} projects already.`)
      void reply.code(201)
      return await projectAnswer(made)
    },
  )

  app.patch(
    '/api/projects/:id',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'changeProject',
        summary: 'Change a project',
        tags,
        params: ProjectPath,
        body: ProjectChange,
        response: { 200: ProjectAnswer },
      },
    },
    async (request) => {
      const { name, answers, event_retention_days: eventRetentionDays } = request.body
      const before = projectOf(request)
      const change = { name, answers, eventRetentionDays }
      return await projectAnswer((await changeProject(sql, actorOf(request), before.id, change)) ?? before)
    },
  )

  app.post(
    '/api/projects/:id/tokens',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'createToken',
        summary: 'Make a token',
        description: 'SDKs may send with it at once.',
        tags,
        params: ProjectPath,
        // No body is taken as an empty one.
        body: Type.Union([NewToken, Type.Null()]),
        response: { 201: Type.Object({ token: Type.String() }, { title: 'CreatedToken' }) },
      },
    },
    async (request, reply) => {
      const wish = { lanes: request.body?.lanes }
      const token = await addProjectToken(sql, actorOf(request), projectOf(request).id, wish, tokensMax)
      if (token === undefined)
        throw limitReached(`The project has ${String(tokensMax)} tokens already: revoke one first.`)
      void reply.code(201)
      return { token }
    },
  )

  app.delete(
    '/api/projects/:id/tokens/:token',
    {
      config: { access: 'manage' },
      schema: {
        operationId: 'revokeToken',
        summary: 'Revoke a token',
        description: 'The door refuses it within seconds. The last one may be revoked too.',
        tags,
        params: TokenPath,
        response: { 204: Type.Null({ description: 'Done.' }) },
      },
    },
    async (request, reply) => {
      const { token } = request.params
      // Postgres keeps no text with a NUL, so none has it.
      if (token.includes('\0') || !(await revokeProjectToken(sql, actorOf(request), projectOf(request).id, token))) {
        throw new HttpRefusal(404, 'The project has no such token.')
      }
      void reply.code(204)
      return null
    },
  )
}

function limitReached(detail: string): HttpRefusal {
  return new HttpRefusal(422, detail, { code: 'SLUICE_LIMIT_REACHED' })
}
