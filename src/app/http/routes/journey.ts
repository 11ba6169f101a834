/** What became of one event, and which events went nowhere. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import { canonicalUuid } from '../../../event/uuid.ts'
import type { DeadLetter, ListDeadLetters } from '../../../stages/journey/dead-letters.ts'
import type { ExplainEvent } from '../../../stages/journey/explain-event.ts'
import type { Journey, JourneyStep } from '../../../stages/journey/journey.ts'
import type { SqlSession } from '../../../stores/state/sql-client.ts'
import { tokensEver } from '../../../stores/state/tokens-ever.ts'
import { projectOf } from '../access.ts'
import { goneSignal } from '../gone-signal.ts'
import type { HttpApp } from '../http-app.ts'
import { HttpRefusal } from '../problem.ts'
import { EventPath, ProjectPath } from '../project-path.ts'

export interface JourneyRoutesDeps {
  readonly explainEvent: ExplainEvent
  readonly listDeadLetters: ListDeadLetters
}

const Time = Type.String({ format: 'date-time' })
const TimeOrNull = Type.Union([Time, Type.Null()])
const TextOrNull = Type.Union([Type.String(), Type.Null()])

const PositionAnswer = Type.Object(
  {
    incarnation: Type.Union([Type.Integer(), Type.Null()], { description: 'Null where it cannot be told any more.' }),
    partition: Type.Integer(),
    offset: Type.Integer(),
  },
  { title: 'Position', description: 'Where a record stands in its lane.' },
)

const StepAnswer = Type.Object(
  {
    stage: Type.Enum(['door', 'ingestion', 'warehouse', 'table']),
    verdict: Type.String({
      description:
        'door: stored, duplicate, refused. ingestion: waiting, row, dropped, parked, damaged, decided. warehouse: waiting, inserted. table: row, replaced, expired, missing.',
    }),
    at: TimeOrNull,
    lane: TextOrNull,
    position: Type.Union([PositionAnswer, Type.Null()]),
    reason: TextOrNull,
    token: Type.Union([Type.String(), Type.Null()], { description: 'Deduplication token of the insert.' }),
    detail: Type.String({ description: 'For people.' }),
  },
  { title: 'JourneyStep', description: 'What one stage did with an event.' },
)

export const JourneyAnswer = Type.Object(
  {
    uuid: Type.String(),
    fate: Type.Enum(['in_table', 'waiting', 'refused', 'duplicate', 'dropped', 'parked', 'damaged', 'gone', 'unknown']),
    summary: Type.String({ description: 'The same in a sentence or two, for people.' }),
    occurrences: Type.Array(
      Type.Object({
        accepted_at: TimeOrNull,
        steps: Type.Array(StepAnswer),
      }),
      { description: 'Each time that an event with this uuid came to the door, oldest first.' },
    ),
    searched: Type.Object({
      from: Type.Union([Time, Type.Null()], { description: 'Retention removed what lies before. Null: no log yet.' }),
      through: Time,
      complete: Type.Boolean({ description: 'False when limits or damage left something out.' }),
    }),
  },
  { title: 'Journey', description: 'Everything that happened to one event.' },
)
export type JourneyAnswer = Static<typeof JourneyAnswer>

const DeadLetterAnswer = Type.Object(
  {
    uuid: Type.String({ description: 'Empty when the source of a parked event is not in the log any more.' }),
    stage: Type.Union([Type.Literal('door'), Type.Literal('ingestion')]),
    step: Type.String(),
    reason: Type.String(),
    at: Time,
    distinct_id: Type.String(),
    position: PositionAnswer,
    raw: Type.String({ description: 'The event as it was sent, cut at 4 KiB, without its project token.' }),
  },
  { title: 'DeadLetter', description: 'An event that went nowhere, and why.' },
)

export function journeyRoutes(app: HttpApp, deps: JourneyRoutesDeps & { readonly sql: SqlSession }): void {
  const { explainEvent, listDeadLetters, sql } = deps
  const tags = ['Events']

  app.get(
    '/api/projects/:id/events/:uuid/journey',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getJourney',
        summary: 'What became of an event',
        description:
          'Also of events that were refused, sent twice or are on their way. One that is not known, or is of another project, has the fate `unknown`.',
        tags,
        params: EventPath,
        response: { 200: JourneyAnswer },
      },
    },
    async (request, reply) => {
      const { id: projectId } = projectOf(request)
      const scope = { projectId, tokens: await tokensEver(sql, projectId) }
      return journeyAnswer(await explainEvent(uuidFrom(request.params.uuid), scope, goneSignal(reply)))
    },
  )

  app.get(
    '/api/projects/:id/dead-letters',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'listDeadLetters',
        summary: 'Events that went nowhere, newest first',
        tags,
        params: ProjectPath,
        querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 })) }),
        response: {
          200: Type.Object({
            dead_letters: Type.Array(DeadLetterAnswer),
            complete: Type.Boolean({ description: 'False when limits or damage left something out.' }),
          }),
        },
      },
    },
    async (request, reply) => {
      const tokens = await tokensEver(sql, projectOf(request).id)
      const { deadLetters, complete } = await listDeadLetters(request.query.limit ?? 50, tokens, goneSignal(reply))
      return { dead_letters: deadLetters.map(deadLetterAnswer), complete }
    },
  )
}

/** For the command line of whoever runs the installation: of all projects. */
export function internalJourneyRoutes(app: HttpApp, { explainEvent }: Pick<JourneyRoutesDeps, 'explainEvent'>): void {
  app.get(
    '/internal/journey',
    { schema: { hide: true, querystring: Type.Object({ uuid: Type.String() }) } },
    async (request, reply) =>
      journeyAnswer(await explainEvent(uuidFrom(request.query.uuid), undefined, goneSignal(reply))),
  )
}

function uuidFrom(text: string): string {
  const uuid = canonicalUuid(text)
  if (uuid === undefined) throw new HttpRefusal(400, `"${text}" is not a UUID.`)
  return uuid
}

function journeyAnswer({ uuid, fate, summary, occurrences, searched }: Journey): JourneyAnswer {
  return {
    uuid,
    fate,
    summary,
    occurrences: occurrences.map(({ acceptedAtMs, steps }) => ({
      accepted_at: timeOrNull(acceptedAtMs),
      steps: steps.map(stepAnswer),
    })),
    searched: {
      from: timeOrNull(searched.fromMs),
      through: timeText(searched.throughMs),
      complete: searched.complete,
    },
  }
}

function stepAnswer(step: JourneyStep): Static<typeof StepAnswer> {
  const { stage, verdict, atMs, lane, position, reason, token, detail } = step
  return {
    stage,
    verdict,
    at: timeOrNull(atMs),
    lane: lane ?? null,
    position: position === undefined ? null : positionAnswer(position),
    reason: reason ?? null,
    token: token ?? null,
    detail,
  }
}

function deadLetterAnswer(letter: DeadLetter): Static<typeof DeadLetterAnswer> {
  const { uuid, stage, step, reason, atMs, distinctId, position, raw } = letter
  return {
    uuid,
    stage,
    step,
    reason,
    at: timeText(atMs),
    distinct_id: distinctId,
    position: positionAnswer(position),
    raw,
  }
}

function positionAnswer({
  incarnation,
  partition,
  offset,
}: NonNullable<JourneyStep['position']>): Static<typeof PositionAnswer> {
  return { incarnation: incarnation ?? null, partition, offset }
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : timeText(ms)
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
