/** Looks at everything that says how the pipeline runs, for `GET /api/pipeline`. */
import { messageOf } from '../kit/failure.ts'
import type { Books } from '../stages/health/books.ts'
import type { Canaries } from '../stages/health/canaries.ts'
import { pipelineViewOf } from '../stages/health/pipeline-view.ts'
import type { ProgressWatch } from '../stages/health/progress-watch.ts'
import type { Warehouse } from '../stores/warehouse/warehouse.ts'
import { askRole } from './ask-role.ts'
import type { PipelineNow } from './http/routes/pipeline.ts'
import type { RoleStatus } from './role-status.ts'
import { readProcessesFile } from './supervisor/processes-file.ts'

export interface PipelineSources {
  readonly watch: Pick<ProgressWatch, 'freshness' | 'lanes'>
  readonly canaries: Pick<Canaries, 'state'>
  readonly warehouse: Pick<Warehouse, 'size'>
  readonly oldestWaitingMsMax: number
  books(): Promise<Books>
}

const edgeTimeoutMs = 1000

export function createPipelineNow(sources: PipelineSources): () => Promise<PipelineNow> {
  const { watch, canaries, warehouse, oldestWaitingMsMax } = sources
  return async function pipelineNow() {
    const [lanes, books, edgeSilence, size] = await Promise.all([
      watch.lanes(),
      sources.books(),
      silenceOfEdge(),
      warehouse.size(),
    ])
    const freshness = watch.freshness()
    const canary = canaries.state()
    const processes = readProcessesFile('.')?.processes ?? []
    const parts = { books, freshness, lanes, canary, oldestWaitingMsMax, processes, edgeSilence }
    const { imbalances } = books
    return { view: pipelineViewOf(parts), freshness, imbalances, canary, processes, warehouse: size }
  }
}

/** Why the edge does not answer; undefined when it does. */
async function silenceOfEdge(): Promise<string | undefined> {
  try {
    await askRole<RoleStatus>('edge', { path: '/internal/status', timeoutMs: edgeTimeoutMs })
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
