/** How everything runs: the data of the Health page. */
import { Type } from 'typebox'
import type { Static } from 'typebox'
import type { CanaryState } from '../../../stages/health/canaries.ts'
import { countNames } from '../../../stages/health/pipeline-view.ts'
import type { PipelineView, ProcessSeen } from '../../../stages/health/pipeline-view.ts'
import type { Freshness } from '../../../stages/health/freshness.ts'
import type { WarehouseSize } from '../../../stores/warehouse/warehouse.ts'
import type { HttpApp } from '../http-app.ts'

export interface PipelineNow {
  readonly view: PipelineView
  readonly freshness: Freshness
  readonly imbalances: readonly string[]
  readonly canary: CanaryState
  readonly processes: readonly ProcessSeen[]
  readonly warehouse: WarehouseSize
}

export interface PipelineRoutesDeps {
  readonly pipelineNow: () => Promise<PipelineNow>
}

const Count = Type.Integer()
const Age = Type.Union([Type.Number(), Type.Null()], {
  description:
    'Milliseconds; null when nothing waits. Canaries count here: they are what waits when nothing else does.',
})
const Time = Type.String({ format: 'date-time' })

const PipelineAnswer = Type.Object(
  {
    healthy: Type.Boolean({ description: 'True when there are no problems.' }),
    problems: Type.Array(Type.String(), { description: 'What is wrong, in sentences.' }),
    complete_through: Time,
    waiting_events: Type.Integer({
      description: 'Accepted events that are not in the table yet; canaries are not counted.',
    }),
    oldest_waiting_ms: Age,
    stages: Type.Array(
      Type.Object({
        name: Type.Enum(['door', 'ingestion', 'warehouse']),
        in: Count,
        out: Count,
        counts: Type.Array(Type.Object({ name: Type.Enum([...countNames]), count: Count }), {
          description: 'What came in and did not go out, by why; canaries are in no other count.',
        }),
        waiting: Count,
        oldest_waiting_ms: Age,
      }),
      { description: 'In the order of the flow; counts since the installation began.' },
    ),
    imbalances: Type.Array(Type.String(), { description: 'Books that do not add up: an alarm.' }),
    lanes: Type.Array(
      Type.Object({
        lane: Type.String(),
        records: Type.Integer({ description: 'With canaries, as all numbers of a lane are.' }),
        readers: Type.Array(Type.Object({ name: Type.String(), lag: Count, oldest_waiting_ms: Age })),
        partitions: Type.Array(
          Type.Object({
            partition: Count,
            end: Type.Integer({ description: 'The offset that the next record will get.' }),
            lag: Type.Integer({ description: 'Of the reader that is farthest behind.' }),
          }),
        ),
      }),
    ),
    canary: Type.Object({
      arrived_at: Type.Union([Time, Type.Null()], { description: 'When canary events last came through.' }),
      duration_ms: Type.Union([Type.Number(), Type.Null()], { description: 'How long they took.' }),
      failure: Type.Union([Type.String(), Type.Null()], { description: 'Why the last ones did not come through.' }),
    }),
    dead_letters: Type.Array(
      Type.Object({
        stage: Type.Enum(['door', 'ingestion']),
        step: Type.String(),
        reason: Type.String(),
        count: Count,
      }),
      { description: 'Since the installation began, most frequent first; of all projects.' },
    ),
    processes: Type.Array(
      Type.Object({
        role: Type.String(),
        state: Type.String(),
        pid: Type.Union([Count, Type.Null()]),
        started_at: Time,
        restarts: Count,
      }),
    ),
    warehouse: Type.Object({ rows: Count, bytes_on_disk: Count, parts: Count }),
  },
  { title: 'Pipeline', description: 'How everything runs.' },
)

export function pipelineRoutes(app: HttpApp, { pipelineNow }: PipelineRoutesDeps): void {
  app.get(
    '/api/pipeline',
    {
      config: { access: 'read' },
      schema: {
        operationId: 'getPipeline',
        summary: 'How everything runs',
        tags: ['Health'],
        response: { 200: PipelineAnswer },
      },
    },
    async () => pipelineAnswer(await pipelineNow()),
  )
}

function pipelineAnswer(now: PipelineNow): Static<typeof PipelineAnswer> {
  const { view, freshness, canary, warehouse } = now
  return {
    healthy: view.problems.length === 0,
    problems: [...view.problems],
    complete_through: new Date(freshness.completeThroughMs).toISOString(),
    waiting_events: freshness.waitingEvents,
    oldest_waiting_ms: freshness.oldestWaitingMs,
    stages: view.stages.map(({ oldestWaitingMs, counts, ...stage }) => ({
      ...stage,
      counts: [...counts],
      oldest_waiting_ms: oldestWaitingMs,
    })),
    imbalances: [...now.imbalances],
    lanes: view.lanes.map(({ lane, records, readers, partitions }) => ({
      lane,
      records,
      readers: readers.map(({ name, lag, oldestWaitingMs }) => ({ name, lag, oldest_waiting_ms: oldestWaitingMs })),
      partitions: [...partitions],
    })),
    canary: {
      arrived_at: canary.arrivedAtMs === undefined ? null : new Date(canary.arrivedAtMs).toISOString(),
      duration_ms: canary.durationMs ?? null,
      failure: canary.failure ?? null,
    },
    dead_letters: [...view.deadLetters],
    processes: now.processes.map(({ role, state, pid, startedAt, restarts }) => ({
      role,
      state,
      pid,
      started_at: startedAt,
      restarts,
    })),
    warehouse: { rows: warehouse.rows, bytes_on_disk: warehouse.bytesOnDisk, parts: warehouse.parts },
  }
}
