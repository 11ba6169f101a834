/** What the messages of the live feed hold. They come by no typed route, so nothing of them is taken on trust. */
export interface LiveEvent {
  readonly uuid: string
  readonly event: string
  readonly distinctId: string
  readonly timestamp: string
  readonly acceptedAt: string
  readonly properties: Readonly<Record<string, unknown>>
  /** They were too large for the feed; the event has them all. */
  readonly arePropertiesCut: boolean
}

export type GapReason = 'slow_reader' | 'rate' | 'too_old' | 'restarted'

export interface LiveGap {
  /** Null when nobody counted. */
  readonly missed: number | null
  readonly reason: GapReason
}

export function liveEventFrom(data: string): LiveEvent | undefined {
  const raw = recordFrom(data)
  const uuid = raw?.['uuid']
  if (raw === undefined || typeof uuid !== 'string') return undefined
  const text = (name: string): string => {
    const value = raw[name]
    return typeof value === 'string' ? value : ''
  }
  return {
    uuid,
    event: text('event'),
    distinctId: text('distinct_id'),
    timestamp: text('timestamp'),
    acceptedAt: text('accepted_at'),
    properties: isRecord(raw['properties']) ? raw['properties'] : {},
    arePropertiesCut: raw['properties_cut'] === true,
  }
}

export function liveGapFrom(data: string): LiveGap | undefined {
  const raw = recordFrom(data)
  if (raw === undefined) return undefined
  const { missed, reason } = raw as { missed?: unknown; reason?: unknown }
  return {
    missed: typeof missed === 'number' ? missed : null,
    reason: reason === 'rate' || reason === 'too_old' || reason === 'restarted' ? reason : 'slow_reader',
  }
}

function recordFrom(data: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(data)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
