import type { Lane } from '../../event/position.ts'
import { parseUuid, uuidV5 } from '../../event/uuid.ts'
import type { LogRecord, NewRecord } from '../../stores/log/event-log.ts'
import type { ProjectCache } from '../../stores/state/project-cache.ts'
import { canaryProjectId } from '../../stores/state/projects.ts'
import type { Project } from '../../stores/state/projects.ts'

/** 2026-03-10 12:00:00 UTC. */
export const nowMs = Date.UTC(2026, 2, 10, 12)
export const goodToken = 'phc_good'
export const canaryToken = 'phc_canary'

const namespace = parseUuid('6ba7b810-9dad-11d1-80b4-00c04fd430c8') ?? [0, 0, 0, 0]

export function uuidOf(name: string): string {
  return uuidV5(namespace, name)
}

/** A duplicate key as records carry it. */
export function keyOf(name: string): string {
  return uuidOf(name).replaceAll('-', '')
}

/** An accepted event as the door stores it: one of the project `goodToken` unless said otherwise. */
export function aNewRecord(event: unknown, headers: Readonly<Record<string, string>> = {}): NewRecord {
  const text = typeof event === 'string' ? event : JSON.stringify(event)
  return {
    headers: {
      token: goodToken,
      distinct_id: 'ada',
      uuid: uuidOf(text),
      ip: '192.0.2.1',
      now: String(nowMs),
      ...headers,
    },
    value: Buffer.from(text),
  }
}

export function aRecord(
  offset: number,
  own: { readonly lane?: Lane; readonly partition?: number; readonly timeMs?: number } & Partial<NewRecord> = {},
): LogRecord {
  const { lane = 'events_plugin_ingestion', partition = 0, timeMs = nowMs, headers, value } = own
  const made = aNewRecord({ event: `e${String(partition)}-${String(offset)}` }, headers)
  return {
    lane,
    position: { incarnation: 1, partition, offset },
    timeMs,
    headers: made.headers,
    value: value ?? made.value,
  }
}

export function aProject(own: Partial<Project> = {}): Project {
  return {
    id: 1,
    organizationId: 'org',
    name: 'Default',
    answers: 'sdk',
    eventRetentionDays: undefined,
    createdAt: new Date(0),
    ...own,
  }
}

/** Projects by token, in memory. `before` runs at each look-up and may throw as Postgres would. */
export function projectsInMemory(
  projects: Readonly<Record<string, Project>> = {
    [goodToken]: aProject(),
    [canaryToken]: aProject({ id: canaryProjectId, organizationId: undefined }),
  },
  before: () => void = () => undefined,
): ProjectCache {
  return {
    async projectOf(token) {
      await Promise.resolve()
      before()
      return projects[token]
    },
  }
}
