/** Events of a project as they come in, as server-sent events. */
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { LiveFeed } from '../../../stages/live/live-feed.ts'
import type { LiveSink } from '../../../stages/live/live-reader.ts'
import { projectOf } from '../access.ts'
import type { HttpApp } from '../http-app.ts'
import { HttpRefusal } from '../problem.ts'
import { ProjectPath } from '../project-path.ts'

export interface LiveDeps {
  readonly live: LiveFeed
  /** Rejects when nobody can tell. */
  readonly isStillAdmitted: (request: FastifyRequest) => Promise<boolean>
  /** How often a stream says that it is alive. */
  readonly pingIntervalMs: number
}

/** Access is looked up with every so many pings: a revoked key sees no more events after a minute. */
const pingsPerAccessCheck = 4
/** What a reader may take to get the end of its stream. */
const endTimeoutMs = 1000
const retryAfterSeconds = 5

const LiveQuery = Type.Object(
  {
    event: Type.Optional(Type.String({ maxLength: 10_000, description: 'Only events of exactly this name.' })),
    distinct_id: Type.Optional(Type.String({ maxLength: 10_000, description: 'Only events of exactly this user.' })),
    last_id: Type.Optional(
      Type.String({ maxLength: 200, description: 'As the header Last-Event-ID, which counts when both are there.' }),
    ),
  },
  { additionalProperties: false },
)

const LiveHeaders = Type.Object({
  'last-event-id': Type.Optional(
    Type.String({ maxLength: 200, description: 'The last id that the reader got: what came since is sent first.' }),
  ),
})

export function liveRoutes(app: HttpApp, { live, isStillAdmitted, pingIntervalMs }: LiveDeps): void {
  app.get(
    '/api/projects/:id/live',
    {
      config: { access: 'read' },
      exposeHeadRoute: false,
      schema: {
        operationId: 'followEvents',
        summary: 'Events as they come in',
        description:
          'A stream that begins with `event: open`. Then `event: event`, with the event as data (properties over 8 KiB are left out: `properties_cut`), and `event: gap` with `{missed: int|null, reason: "slow_reader"|"rate"|"too_old"|"restarted"}` in the place of events that are left out. An `id` without data only moves the last id. A comment every 15 s says that the stream is alive.',
        tags: ['Events'],
        params: ProjectPath,
        querystring: LiveQuery,
        headers: LiveHeaders,
        response: {
          200: { description: 'The stream.', content: { 'text/event-stream': { schema: Type.String() } } },
        },
      },
    },
    (request, reply) => {
      const { raw } = reply
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value)
      const headers = {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        // Nginx would gather events until a buffer is full.
        'x-accel-buffering': 'no',
      }
      const sink: LiveSink = {
        write(bytes) {
          if (!raw.headersSent) raw.writeHead(200, headers)
          return raw.write(bytes)
        },
        get waitingBytes() {
          return raw.writableLength
        },
        end() {
          raw.end()
          setTimeout(() => raw.destroy(), endTimeoutMs).unref()
        },
      }
      const { event, distinct_id: distinctId, last_id: lastIdOfQuery } = request.query
      const subscription = live.subscribe(
        {
          projectId: projectOf(request).id,
          filter: { event: textIn(event), distinctId: textIn(distinctId) },
          lastId: textIn(request.headers['last-event-id']) ?? textIn(lastIdOfQuery),
        },
        sink,
      )
      if (subscription === undefined) {
        throw new HttpRefusal(503, 'There are as many live streams as there may be (live.readersMax).', {
          code: 'SLUICE_LIVE_FULL',
          retryAfterSeconds,
        })
      }
      reply.hijack()
      let pings = 0
      const pinging = setInterval(() => {
        subscription.ping()
        if (++pings % pingsPerAccessCheck !== 0) return
        // While nobody can tell, what was allowed goes on.
        void isStillAdmitted(request)
          .catch(() => true)
          .then((isAdmitted) => {
            if (!isAdmitted) subscription.close()
          })
      }, pingIntervalMs)
      raw.on('drain', () => subscription.drained())
      raw.on('close', () => {
        clearInterval(pinging)
        subscription.close()
      })
    },
  )
}

/** A field of a form that was left empty asks for nothing. */
function textIn(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
