/** The newest events that went nowhere: refused one by one at the door, or parked by ingestion. */
import type { Decision, DoorEntry, LogSearch, Place } from '../../stores/log/log-search.ts'

export interface DeadLetter {
  readonly uuid: string
  readonly stage: 'door' | 'ingestion'
  readonly step: string
  readonly reason: string
  readonly atMs: number
  readonly distinctId: string
  readonly position: Place & { readonly incarnation: number | undefined }
  /** The event as the client sent it, cut, without its project token. */
  readonly raw: string
}

export interface DeadLetters {
  /** Newest first. */
  readonly deadLetters: readonly DeadLetter[]
  /** False when limits or damage ended the search before all that is retained was seen. */
  readonly complete: boolean
}

export type ListDeadLetters = (
  limit: number,
  tokens: readonly string[] | undefined,
  signal: AbortSignal,
) => Promise<DeadLetters>

/** A dead letter of ingestion does not say whose it is, so some more are looked at for the ones of a project. */
const parkedLookedAtMax = 1000
/** What finds out what is wrong with an event at the door. */
const doorStep = 'capture'

export function createListDeadLetters(deps: {
  readonly search: Pick<LogSearch, 'refused' | 'parked' | 'entriesAt'>
}): ListDeadLetters {
  const { search } = deps
  return async function listDeadLetters(limit, tokens, signal) {
    const refused = await search.refused(limit, tokens, signal)
    const parked = await search.parked(tokens === undefined ? limit : parkedLookedAtMax, signal)
    const places = parked.items.map(({ place }) => place)
    const sources = places.length === 0 ? undefined : await search.entriesAt(places, signal)
    const sourceOf = new Map(sources?.items.map((entry) => [keyOf(entry.position), entry]))
    const fromIngestion = parked.items.flatMap((decision) => {
      const source = sourceOf.get(keyOf(decision.place))
      // Without its source nobody can tell whose it is.
      if (tokens !== undefined && (source === undefined || !tokens.includes(source.token))) return []
      return [parkedLetter(decision, source)]
    })
    const all = [...refused.items.map(refusedLetter), ...fromIngestion].sort((a, b) => b.atMs - a.atMs)
    const isCut = tokens !== undefined && places.length >= parkedLookedAtMax && fromIngestion.length < limit
    return {
      deadLetters: all.slice(0, limit),
      complete: refused.searched.complete && parked.searched.complete && !isCut,
    }
  }
}

function refusedLetter(entry: DoorEntry): DeadLetter {
  const { uuid, reason, timeMs, distinctId, position } = entry
  const raw = withoutToken(entry.raw ?? '', entry.token)
  return { uuid, stage: 'door', step: doorStep, reason, atMs: timeMs, distinctId, position, raw }
}

function parkedLetter({ place, exception, timeMs }: Decision, source: DoorEntry | undefined): DeadLetter {
  return {
    uuid: source?.uuid ?? '',
    stage: 'ingestion',
    step: exception?.step ?? '',
    reason: exception?.reason ?? '',
    atMs: timeMs,
    distinctId: source?.distinctId ?? '',
    position: { incarnation: source?.position.incarnation, ...place },
    raw: withoutToken(exception?.raw ?? source?.raw ?? '', source?.token ?? ''),
  }
}

/** A token lets its reader write; whoever looks at dead letters need not. */
function withoutToken(text: string, token: string): string {
  return token === '' ? text : text.replaceAll(token, '***')
}

function keyOf({ lane, partition, offset }: Place): string {
  return `${lane} ${String(partition)}@${String(offset)}`
}
