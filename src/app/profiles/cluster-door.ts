import type { ClusterIntakeHealth } from '../../stores/intake/cluster/cluster-intake.ts'
import type { DoorHealth } from './profile.ts'

/** How a door on Redis and Kafka is, in words. */
export function clusterDoor({ redis, whenAway, awaySinceMs, unchecked, log }: ClusterIntakeHealth): DoorHealth {
  const trouble: string[] = []
  const redisSinceMs = awaySinceMs ?? (redis.state === 'away' ? redis.sinceMs : undefined)
  if (redisSinceMs !== undefined) {
    const what =
      whenAway === 'closed'
        ? 'events are answered 503'
        : `events enter without a look at copies and limits, ${String(unchecked)} through this edge since it started`
    const reason = redis.reason === undefined ? '' : ` (${redis.reason})`
    trouble.push(`Redis has been away since ${timeOf(redisSinceMs)}${reason}: ${what}.`)
  }
  if (log !== undefined) {
    trouble.push(`Kafka has confirmed no event since ${timeOf(log.sinceMs)}, so events are answered 503: ${log.reason}`)
  }
  for (const { message } of redis.warnings) trouble.push(message)
  const isClosed = redisSinceMs !== undefined && whenAway === 'closed'
  return { takesEvents: log === undefined && !isClosed, trouble }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
