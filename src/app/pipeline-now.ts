/** Looks at everything that says how the pipeline runs, for `GET /api/pipeline`. */
import { messageOf } from '../kit/failure.ts'
import type { Canaries } from '../stages/health/canaries.ts'
import type { Lateness } from '../stages/health/freshness.ts'
import { pipelineViewOf } from '../stages/health/pipeline-view.ts'
import type { PipelineParts } from '../stages/health/pipeline-view.ts'
import type { Warehouse } from '../stores/warehouse/warehouse.ts'
import { askRole } from './ask-role.ts'
import type { PipelineNow } from './http/routes/pipeline.ts'
import type { InstallationProgress } from './installation-progress.ts'
import type { RoleStatus } from './role-status.ts'
import { readProcessesFile } from './supervisor/processes-file.ts'

export interface PipelineSources {
  readonly progress: Pick<InstallationProgress, 'sample' | 'freshness' | 'lanes' | 'books'>
  readonly canaries: Pick<Canaries, 'state'>
  readonly warehouse: Pick<Warehouse, 'size'>
  readonly lateness: Lateness
  /** Whether an edge runs on this machine: of others nobody here knows. */
  readonly hasEdge: boolean
}

const edgeTimeoutMs = 1000

export function createPipelineNow(sources: PipelineSources): () => Promise<PipelineNow> {
  const { progress, canaries, warehouse, lateness, hasEdge } = sources
  return async function pipelineNow() {
    const [lanes, books, edge, size] = await Promise.all([
      progress.lanes(),
      progress.books(),
      hasEdge ? edgeNow() : { edgeSilence: undefined, edgeTrouble: [] },
      warehouse.size(),
    ])
    const freshness = progress.freshness()
    const canary = canaries.state()
    const processes = readProcessesFile('.')?.processes ?? []
    const parts = { books, freshness, lanes, canary, lateness, processes, ...edge }
    const { imbalances } = books
    return { view: pipelineViewOf(parts), freshness, imbalances, canary, processes, warehouse: size }
  }
}

async function edgeNow(): Promise<Pick<PipelineParts, 'edgeSilence' | 'edgeTrouble'>> {
  try {
    const { trouble = [] } = await askRole<RoleStatus>('edge', { path: '/internal/status', timeoutMs: edgeTimeoutMs })
    return { edgeSilence: undefined, edgeTrouble: trouble }
  } catch (error) {
    return { edgeSilence: messageOf(error), edgeTrouble: [] }
  }
}
