/** What projects say about their events: restrictions and the quotas of resources; and who sent them (capture spec §9, §11.4, §12). */
import type { Lane } from '../../src/event/position.ts'
import { aBatch, anEvent, json, keptAs, ok } from './row.ts'
import type { Row } from './row.ts'
import { exceptionsQuotaToken, restrictedToken } from './tokens.ts'

function restricted(
  promise: string,
  event: string,
  lane: Lane,
  headers: Readonly<Record<string, string | undefined>> = {},
): Row {
  const sent = anEvent({ token: restrictedToken, event })
  return {
    section: '§12',
    promise,
    send: { body: json(sent) },
    answer: ok,
    kept: [keptAs(sent, { lane, token: restrictedToken, headers })],
  }
}

function from(promise: string, forwarded: string, ip: string): Row {
  return {
    section: '§9',
    promise,
    send: { headers: { 'x-forwarded-for': forwarded }, body: json(anEvent()) },
    answer: ok,
    kept: [keptAs(anEvent(), { headers: { ip } })],
  }
}

const drop = anEvent({ token: restrictedToken, event: 'drop me' })

export const rules: readonly Row[] = [
  {
    section: '§12',
    promise: 'an event that the project drops is a success, and is not kept',
    send: { body: json(drop) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, dropped=1', 'sluice-receipt': 'fsync; n=0' } },
  },
  {
    section: '§12',
    promise: 'the others of its batch are kept',
    send: { body: aBatch([drop, anEvent({ token: restrictedToken })], { api_key: restrictedToken }) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=1, dropped=1' } },
    kept: [keptAs(anEvent({ token: restrictedToken }), { token: restrictedToken })],
  },
  {
    section: '§12',
    promise: 'a restriction of a session drops what has that session',
    send: { body: json(anEvent({ token: restrictedToken, properties: { $session_id: 'bad-session' } })) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, dropped=1' } },
  },
  {
    section: '§12',
    promise: 'a session of another type is none',
    send: { body: json(anEvent({ token: restrictedToken, properties: { $session_id: ['bad-session'] } })) },
    answer: ok,
    kept: [
      keptAs(anEvent({ token: restrictedToken, properties: { $session_id: ['bad-session'] } }), {
        token: restrictedToken,
      }),
    ],
  },
  restricted('an event may be forced to the overflow lane', 'overflow me', 'events_plugin_ingestion_overflow'),
  restricted('an event may be redirected to another lane', 'redirect me', 'historical_events'),
  restricted('an event may be kept as a dead letter', 'bury me', 'events_plugin_ingestion_dlq', {
    reason: 'event_restriction',
  }),
  {
    section: '§12',
    promise: 'exceptions have a quota of their own where there is one',
    first: { body: json(anEvent({ token: exceptionsQuotaToken, event: '$exception' })) },
    send: { body: json(anEvent({ token: exceptionsQuotaToken, event: '$exception' })) },
    answer: { ...ok, headers: { 'sluice-verdicts': 'stored=0, quota_limited=1' } },
  },
  {
    section: '§12',
    promise: 'ordinary events go on when the quota of exceptions is used up',
    send: { body: json(anEvent({ token: exceptionsQuotaToken })) },
    answer: ok,
    kept: [keptAs(anEvent({ token: exceptionsQuotaToken }), { token: exceptionsQuotaToken })],
  },
  from('a proxy on this machine says who the client is', '203.0.113.7', '203.0.113.7'),
  from('an IPv6 address is one', '2001:db8::1', '2001:db8::1'),
  from('what is no address is passed over', 'nobody', '127.0.0.1'),
  from('of several the last one that is no proxy of ours counts', '6.6.6.6, 203.0.113.7, 127.0.0.1', '203.0.113.7'),
]
