/**
 * Who asks, and may they? Every route under `/api` names its access in its `config`; a route that names none is refused when the
 * application is made, so that it cannot be forgotten.
 *
 * Words:
 * - asker: who sent the request: a personal key with its scopes, or a user of the console by his session, who has all scopes. When
 *   a request has both, the key counts, because somebody put it there on purpose.
 * - access `everyone`: no login is needed. `session`: a user of the console, nobody else. `read`, `write`, `manage`: the scope that
 *   the asker must have.
 * - change: any method but GET and HEAD. A browser adds the cookie to whatever another site makes it send, so a change by session needs
 *   the header `sluice-csrf: 1`, which other sites cannot add, and must not come from another site by the browser's own word.
 * - project of the path: `:id` of `/api/projects/:id`. One of another organisation is as if it were not there.
 */
import type { FastifyRequest } from 'fastify'
import { personalKeyByText, scopes } from '../../stores/state/keys.ts'
import type { Scope } from '../../stores/state/keys.ts'
import { project } from '../../stores/state/projects.ts'
import type { Project } from '../../stores/state/projects.ts'
import { userBySession } from '../../stores/state/sessions.ts'
import type { SessionLimits } from '../../stores/state/sessions.ts'
import type { SqlSession } from '../../stores/state/sql-client.ts'
import type { User } from '../../stores/state/users.ts'
import type { HttpApp } from './http-app.ts'
import { HttpRefusal } from './problem.ts'
import type { RequestRates } from './request-rates.ts'

export type Access = 'everyone' | 'session' | Scope

export type Asker = { readonly organizationId: string; readonly scopes: readonly Scope[] } & (
  | { readonly kind: 'key'; readonly id: string }
  | { readonly kind: 'session'; readonly user: User; readonly token: string }
)

export interface GuardDeps {
  readonly sql: SqlSession
  readonly sessions: SessionLimits
  readonly rates: RequestRates
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What it takes to use the route. */
    readonly access?: Access
  }
}

export const sessionCookie = 'sluice_session'
const csrfHeader = 'sluice-csrf'

const askers = new WeakMap<FastifyRequest, Asker>()
const projects = new WeakMap<FastifyRequest, Project>()

/** Guards all routes that are added to `app` afterwards. */
export function guardRoutes(app: HttpApp, deps: GuardDeps): void {
  app.addHook('onRoute', ({ config, url }) => {
    if (config?.access === undefined) throw new Error(`The route ${url} does not say who may use it.`)
  })
  // Before the body is read: nobody sends megabytes to be told that he may not.
  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config
    if (access === undefined || access === 'everyone') return
    const asker = await askerFrom(request, access, deps)
    if (asker === undefined) {
      await deps.rates.countStranger(request)
      throw nobody(request)
    }
    refuseAccess(request, access, asker)
    // By the key or user, so that nobody has more of it who logs in more often.
    if (isChange(request) && access !== 'read') {
      await deps.rates.countChange(request, asker.kind === 'key' ? asker.id : asker.user.id)
    }
    askers.set(request, asker)
    if (request.routeOptions.url?.startsWith('/api/projects/:id') === true) {
      projects.set(request, await projectFrom(request, asker, deps.sql))
    }
  })
}

/** Whether the asker would be let in again: for answers that go on for long. Rejects when nobody can tell. */
export async function isStillAdmitted(
  request: FastifyRequest,
  deps: Pick<GuardDeps, 'sql' | 'sessions'>,
): Promise<boolean> {
  const { access = 'everyone' } = request.routeOptions.config
  const asker = await askerFrom(request, access, deps)
  if (asker === undefined) return false
  try {
    refuseAccess(request, access, asker)
    return true
  } catch (error) {
    if (error instanceof HttpRefusal) return false
    throw error
  }
}

/** Who sent the request, on a route that is not for everyone. */
export function askerOf(request: FastifyRequest): Asker {
  const asker = askers.get(request)
  if (asker === undefined) throw new Error('The route is for everyone; nobody was asked who he is.')
  return asker
}

/** The user and his session, on a route whose access is `session`. */
export function sessionOf(request: FastifyRequest): Extract<Asker, { readonly kind: 'session' }> {
  const asker = askerOf(request)
  if (asker.kind !== 'session') throw new Error('The route is not for sessions alone.')
  return asker
}

/** The project of the path, which the asker may see. */
export function projectOf(request: FastifyRequest): Project {
  const found = projects.get(request)
  if (found === undefined) throw new Error('The path of the route has no project.')
  return found
}

/** Refuses what another site made the browser send. */
export function refuseOtherSites(request: FastifyRequest): void {
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') {
    throw new HttpRefusal(403, 'The request comes from another site.', { code: 'SLUICE_CSRF_REFUSED' })
  }
}

async function askerFrom(
  request: FastifyRequest,
  access: Access,
  { sql, sessions }: Pick<GuardDeps, 'sql' | 'sessions'>,
): Promise<Asker | undefined> {
  if (request.headers.authorization !== undefined && access !== 'session') {
    const text = bearerOf(request)
    const key = text === undefined || text.startsWith('phc_') ? undefined : await personalKeyByText(sql, text)
    return key && { kind: 'key', id: key.id, organizationId: key.organizationId, scopes: key.scopes }
  }
  const token = request.cookies[sessionCookie]
  const user = token === undefined ? undefined : await userBySession(sql, token, sessions)
  return user && token !== undefined
    ? { kind: 'session', user, token, organizationId: user.organizationId, scopes }
    : undefined
}

function refuseAccess(request: FastifyRequest, access: Access, asker: Asker): void {
  if (asker.kind === 'session' && isChange(request)) {
    refuseOtherSites(request)
    if (request.headers[csrfHeader] !== '1') {
      throw new HttpRefusal(403, `A change by a session needs the header "${csrfHeader}: 1".`, {
        code: 'SLUICE_CSRF_REFUSED',
      })
    }
  }
  if (access === 'everyone' || access === 'session') return
  if (asker.kind === 'session' && asker.user.oneTime) {
    throw new HttpRefusal(403, 'Choose a password first: the present one was made to be used once.', {
      code: 'SLUICE_PASSWORD_CHANGE_REQUIRED',
    })
  }
  if (!asker.scopes.includes(access)) {
    throw new HttpRefusal(403, `This personal key lacks the scope "${access}".`, { code: 'SLUICE_SCOPE_MISSING' })
  }
}

function isChange({ method }: FastifyRequest): boolean {
  return method !== 'GET' && method !== 'HEAD'
}

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
}

/** Says what to send instead. */
function nobody(request: FastifyRequest): HttpRefusal {
  const text = bearerOf(request)
  if (text?.startsWith('phc_') === true) {
    return new HttpRefusal(401, 'This is a project token, which may only write. Questions take a personal key (phx_…).')
  }
  if (text !== undefined) return new HttpRefusal(401, 'Nobody has this personal key, or it was revoked.')
  return new HttpRefusal(
    401,
    'Send a personal key (it begins with phx_) in the header "Authorization: Bearer …", or log in at the console.',
  )
}

async function projectFrom(request: FastifyRequest, asker: Asker, sql: SqlSession): Promise<Project> {
  const { id } = request.params as { readonly id: string }
  const found = /^[1-9]\d{0,14}$/.test(id) ? await project(sql, Number(id)) : undefined
  if (found?.organizationId !== asker.organizationId) {
    throw new HttpRefusal(404, `There is no project ${id}; GET /api/projects lists yours.`)
  }
  return found
}
