/** Projects and the tokens by which SDKs write to them. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { listProjects, projectTokens } from '../../../stores/state/projects.ts'
import type { Project } from '../../../stores/state/projects.ts'
import type { SqlClient, SqlSession } from '../../../stores/state/sql-client.ts'
import { askerOf, projectOf } from '../access.ts'
import type { HttpApp } from '../http-app.ts'
import { ProjectPath } from '../project-path.ts'

export interface ProjectDeps {
  readonly sql: SqlClient
}

const ProjectAnswer = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    answers: Type.Union([Type.Literal('sdk'), Type.Literal('strict')], {
      description: 'How the door answers refused events: as SDKs need it, or with a status for each refusal.',
    }),
    event_retention_days: Type.Union([Type.Integer(), Type.Null()], {
      description: 'How long events are kept; null: for ever.',
    }),
    created_at: Type.String({ format: 'date-time' }),
    tokens: Type.Array(Type.String(), { description: 'By which SDKs write, oldest first.' }),
  },
  { title: 'Project', description: 'What events are kept apart by.' },
)

export function projectRoutes(app: HttpApp, { sql }: ProjectDeps): void {
  const tags = ['Projects']

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
      const projects = await listProjects(sql, askerOf(request).organizationId)
      return { projects: await Promise.all(projects.map((one) => projectAnswer(sql, one))) }
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
    (request) => projectAnswer(sql, projectOf(request)),
  )
}

async function projectAnswer(sql: SqlSession, project: Project): Promise<Static<typeof ProjectAnswer>> {
  return {
    id: project.id,
    name: project.name,
    answers: project.answers,
    event_retention_days: project.eventRetentionDays ?? null,
    created_at: project.createdAt.toISOString(),
    tokens: [...(await projectTokens(sql, project.id))],
  }
}
