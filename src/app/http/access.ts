/**
 * Who asks, and may they? Every route under `/api` names its access in its `config`; a route that names none is refused when the
 * application is made, so that it cannot be forgotten.
 *
 * Words:
 * - asker: who sent the request: a personal key with its scopes.
 * - access `everyone`: no login is needed. `read`, `write`, `manage`: the scope that the asker must have.
 * - project of the path: `:id` of `/api/projects/:id`. One of another organisation is as if it were not there.
 */
import type { FastifyRequest } from 'fastify'
import { personalKeyByText } from '../../stores/state/keys.ts'
import { project } from '../../stores/state/projects.ts'
import type { Project } from '../../stores/state/projects.ts'
import type { SqlSession } from '../../stores/state/sql-client.ts'
import type { HttpApp } from './http-app.ts'
import { HttpRefusal } from './problem.ts'

export type Scope = 'read' | 'write' | 'manage'
export type Access = 'everyone' | Scope

export interface Asker {
  readonly organizationId: string
  readonly scopes: readonly string[]
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What it takes to use the route. */
    readonly access?: Access
  }
}

const askers = new WeakMap<FastifyRequest, Asker>()
const projects = new WeakMap<FastifyRequest, Project>()

/** Guards all routes that are added to `app` afterwards. */
export function guardRoutes(app: HttpApp, deps: { readonly sql: SqlSession }): void {
  app.addHook('onRoute', ({ config, url }) => {
    if (config?.access === undefined) throw new Error(`The route ${url} does not say who may use it.`)
  })
  // Before the body is read: nobody sends megabytes to be told that he may not.
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config
    if (access === undefined || access === 'everyone') return
    const asker = await askerFrom(request, deps.sql)
    if (!asker.scopes.includes('*') && !asker.scopes.includes(access)) {
      throw new HttpRefusal(403, `This personal key lacks the scope "${access}".`)
    }
    askers.set(request, asker)
    const { url } = request.routeOptions
    if (url?.startsWith('/api/projects/:id') === true) {
      projects.set(request, await projectFrom(request, asker, deps.sql))
    }
  })
}

/** Who sent the request, on a route that is not for everyone. */
export function askerOf(request: FastifyRequest): Asker {
  const asker = askers.get(request)
  if (asker === undefined) throw new Error('The route is for everyone; nobody was asked who he is.')
  return asker
}

/** The project of the path, which the asker may see. */
export function projectOf(request: FastifyRequest): Project {
  const found = projects.get(request)
  if (found === undefined) throw new Error('The path of the route has no project.')
  return found
}

async function askerFrom(request: FastifyRequest, sql: SqlSession): Promise<Asker> {
  const text = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1]
  if (text === undefined) {
    throw new HttpRefusal(401, 'Send a personal key (it begins with phx_) in the header "Authorization: Bearer …".')
  }
  if (text.startsWith('phc_')) {
    throw new HttpRefusal(401, 'This is a project token, which may only write. Questions take a personal key (phx_…).')
  }
  const key = await personalKeyByText(sql, text)
  if (key === undefined) throw new HttpRefusal(401, 'Nobody has this personal key, or it was revoked.')
  return key
}

async function projectFrom(request: FastifyRequest, asker: Asker, sql: SqlSession): Promise<Project> {
  const { id } = request.params as { readonly id: string }
  const found = /^[1-9]\d{0,14}$/.test(id) ? await project(sql, Number(id)) : undefined
  if (found?.organizationId !== asker.organizationId) {
    throw new HttpRefusal(404, `There is no project ${id}; GET /api/projects lists yours.`)
  }
  return found
}
