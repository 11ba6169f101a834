/**
 * How often one client may do what is dear or can be guessed at, in windows of a minute.
 * - manages: changes to projects, tokens, keys, insights, sessions; counted per key or session.
 * - logins: tries to log in; counted per address. stranger: credentials that nobody has; the same.
 */
import rateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import { clientAddressHeader } from '../client-address-header.ts'
import type { HttpApp } from './http-app.ts'
import { HttpRefusal } from './problem.ts'

export interface RateLimits {
  readonly changesPerMinuteMax: number
  readonly loginsPerMinuteMax: number
  readonly strangersPerMinuteMax: number
}

export interface RequestRates {
  /** Counts one and refuses it when there were too many. */
  countChange(request: FastifyRequest, askerId: string): Promise<void>
  countLogin(request: FastifyRequest): Promise<void>
  /** After the credentials were looked at: who shares an address with a stranger is let in with his own. */
  countStranger(request: FastifyRequest): Promise<void>
}

const windowMs = 60_000
/** Clients remembered; the one seen longest ago goes first. */
const clientsMax = 10_000

export async function createRequestRates(app: HttpApp, limits: RateLimits): Promise<RequestRates> {
  await app.register(rateLimit, { global: false, cache: clientsMax })
  const changers = new WeakMap<FastifyRequest, string>()
  const common = { timeWindow: windowMs, cache: clientsMax, keyGenerator: addressOf }
  const change = app.createRateLimit({
    ...common,
    max: limits.changesPerMinuteMax,
    keyGenerator: (request) => changers.get(request) ?? addressOf(request),
  })
  const login = app.createRateLimit({ ...common, max: limits.loginsPerMinuteMax })
  const stranger = app.createRateLimit({ ...common, max: limits.strangersPerMinuteMax })
  return {
    async countChange(request, askerId) {
      changers.set(request, askerId)
      refuseWhenOver(await change(request))
    },
    async countLogin(request) {
      refuseWhenOver(await login(request))
    },
    async countStranger(request) {
      refuseWhenOver(await stranger(request))
    },
  }
}

function addressOf({ headers }: FastifyRequest): string {
  const address = headers[clientAddressHeader]
  return typeof address === 'string' ? address : 'this machine'
}

type Rate = Awaited<ReturnType<ReturnType<HttpApp['createRateLimit']>>>

function refuseWhenOver(rate: Rate): void {
  if (rate.isAllowed || !rate.isExceeded) return
  throw new HttpRefusal(429, `That was too often: try again in ${String(rate.ttlInSeconds)} s.`, {
    code: 'SLUICE_TOO_OFTEN',
    retryAfterSeconds: Math.max(1, rate.ttlInSeconds),
  })
}
