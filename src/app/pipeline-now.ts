/** Looks at everything that says how the pipeline runs, for `GET /api/pipeline`. */
import { messageOf } from '../kit/failure.ts'
import type { Canaries } from '../stages/health/canaries.ts'
import type { Lateness } from '../stages/health/freshness.ts'
import { pipelineViewOf } from '../stages/health/pipeline-view.ts'
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
}

const edgeTimeoutMs = 1000

export function createPipelineNow(sources: PipelineSources): () => Promise<PipelineNow> {
  const { progress, canaries, warehouse, lateness } = sources
  return async function pipelineNow() {
    const [lanes, books, edgeSilence, size] = await Promise.all([
      progress.lanes(),
      progress.books(),
      silenceOfEdge(),
      warehouse.size(),
    ])
    const freshness = progress.freshness()
    const canary = canaries.state()
    const processes = readProcessesFile('.')?.processes ?? []
    const parts = { books, freshness, lanes, canary, lateness, processes, edgeSilence }
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
