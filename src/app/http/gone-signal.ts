import type { FastifyReply } from 'fastify'

/** Aborts when the client goes away before it has its answer, so that nobody works for nobody. */
export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.on('close', () => {
    if (!reply.raw.writableEnded) gone.abort()
  })
  return gone.signal
}
