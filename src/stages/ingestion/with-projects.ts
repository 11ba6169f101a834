import type { LogRecord } from '../../stores/log/event-log.ts'
import type { ProjectCache } from '../../stores/state/project-cache.ts'
import type { Project } from '../../stores/state/projects.ts'
import type { Derive, Derived } from './derive-batches.ts'

/** Looks up whose the records of a stretch are, and sets aside those of nobody; the others go on with their project. */
export function withProjects(
  projects: ProjectCache,
  deriveOwned: (record: LogRecord, partition: number, project: Project) => Derived,
): Derive {
  return async function derive(records) {
    const byToken = new Map<string, Project | undefined>()
    for (const { headers } of records) {
      const token = headers['token'] ?? ''
      if (!byToken.has(token)) byToken.set(token, await projects.projectOf(token))
    }
    return (record, partition) => {
      if (record.headers['erased'] !== undefined) return { kind: 'dropped', reason: 'erased', step: 'read' }
      const project = byToken.get(record.headers['token'] ?? '')
      if (project === undefined) return { kind: 'dead_letter', reason: 'unknown_token', step: 'project' }
      return deriveOwned(record, partition, project)
    }
  }
}
