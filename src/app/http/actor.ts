import type { FastifyRequest } from 'fastify'
import type { Actor } from '../../stores/state/audit-log.ts'
import { clientAddressHeader } from '../client-address-header.ts'
import { askerOf } from './access.ts'

/** Who makes the change that a request asks for, as the audit log tells of him. */
export function actorOf(request: FastifyRequest): Actor {
  const asker = askerOf(request)
  const header = request.headers[clientAddressHeader]
  const address = typeof header === 'string' ? { address: header } : {}
  return asker.kind === 'key'
    ? { kind: 'key', id: asker.id, ...address }
    : { kind: 'user', id: asker.user.id, ...address }
}
