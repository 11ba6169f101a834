/** Logging in at the console, and out. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { passwordCharsMax, passwordCharsMin } from '../../../stores/state/passwords.ts'
import { createSession, endSession, sessionHash } from '../../../stores/state/sessions.ts'
import type { SessionLimits } from '../../../stores/state/sessions.ts'
import type { SqlClient } from '../../../stores/state/sql-client.ts'
import { changePassword, userByPassword } from '../../../stores/state/users.ts'
import type { User } from '../../../stores/state/users.ts'
import { refuseOtherSites, sessionCookie, sessionOf } from '../access.ts'
import { actorOf } from '../actor.ts'
import type { HttpApp } from '../http-app.ts'
import { HttpRefusal } from '../problem.ts'
import type { RequestRates } from '../request-rates.ts'

export interface SessionDeps {
  readonly sql: SqlClient
  readonly sessions: SessionLimits
  readonly rates: RequestRates
  /** A user has a password of his own now. */
  readonly passwordChosen: (user: User) => Promise<void>
}

const SessionAnswer = Type.Object(
  {
    user: Type.Object({ id: Type.String(), login: Type.String() }),
    organization: Type.Object({ id: Type.String(), name: Type.String() }),
    must_change_password: Type.Boolean({ description: 'Everything else is refused until the password is changed.' }),
  },
  { title: 'Session', description: 'Who is logged in.' },
)

/** What was a password once may be shorter than what is accepted now. */
const KnownPassword = Type.String({ minLength: 1, maxLength: passwordCharsMax })

const Login = Type.Object(
  { login: Type.String({ minLength: 1, maxLength: 100 }), password: KnownPassword },
  { additionalProperties: false, title: 'Login' },
)

const PasswordChange = Type.Object(
  {
    current_password: KnownPassword,
    new_password: Type.String({ minLength: passwordCharsMin, maxLength: passwordCharsMax }),
  },
  { additionalProperties: false, title: 'PasswordChange' },
)

const NoBody = Type.Null({ description: 'Done.' })

export function sessionRoutes(app: HttpApp, { sql, sessions, rates, passwordChosen }: SessionDeps): void {
  const tags = ['Session']
  const cookie = { path: '/', httpOnly: true, sameSite: 'strict' } as const

  app.post(
    '/api/session',
    {
      config: { access: 'everyone' },
      onRequest: async (request) => {
        refuseOtherSites(request)
        await rates.countLogin(request)
      },
      schema: {
        operationId: 'logIn',
        summary: 'Log in at the console',
        description: 'Sets the cookie of the session.',
        tags,
        body: Login,
        response: { 200: SessionAnswer },
      },
    },
    async (request, reply) => {
      const { login, password } = request.body
      const user = await userByPassword(sql, login, password)
      if (user === undefined) {
        throw new HttpRefusal(401, 'Nobody has this login and password.', { code: 'SLUICE_LOGIN_REFUSED' })
      }
      void reply.setCookie(sessionCookie, await createSession(sql, user.id, sessions), {
        ...cookie,
        maxAge: Math.floor(sessions.ageMsMax / 1000),
        secure: request.headers['x-forwarded-proto'] === 'https',
      })
      return sessionAnswer(user)
    },
  )

  app.get(
    '/api/session',
    {
      config: { access: 'session' },
      schema: { operationId: 'getSession', summary: 'Who is logged in', tags, response: { 200: SessionAnswer } },
    },
    (request) => sessionAnswer(sessionOf(request).user),
  )

  app.delete(
    '/api/session',
    {
      config: { access: 'session' },
      schema: { operationId: 'logOut', summary: 'Log out', tags, response: { 204: NoBody } },
    },
    async (request, reply) => {
      await endSession(sql, sessionOf(request).token)
      void reply.clearCookie(sessionCookie, cookie).code(204)
      return null
    },
  )

  app.post(
    '/api/session/password',
    {
      config: { access: 'session' },
      onRequest: (request) => rates.countLogin(request),
      schema: {
        operationId: 'changePassword',
        summary: 'Choose another password',
        description: 'Ends all other sessions of the user.',
        tags,
        body: PasswordChange,
        response: { 204: NoBody },
      },
    },
    async (request, reply) => {
      const { user, token } = sessionOf(request)
      const { current_password: current, new_password: next } = request.body
      if ((await userByPassword(sql, user.login, current)) === undefined) {
        throw new HttpRefusal(403, 'The current password is another one.', { code: 'SLUICE_PASSWORD_WRONG' })
      }
      if (next === current) {
        throw new HttpRefusal(422, 'The new password is the current one.', { code: 'SLUICE_PASSWORD_UNCHANGED' })
      }
      const options = { oneTime: false, keepSession: sessionHash(token) }
      await changePassword(sql, actorOf(request), user.id, next, options)
      await passwordChosen(user)
      void reply.code(204)
      return null
    },
  )
}

function sessionAnswer(user: User): Static<typeof SessionAnswer> {
  return {
    user: { id: user.id, login: user.login },
    organization: { id: user.organizationId, name: user.organizationName },
    must_change_password: user.oneTime,
  }
}
