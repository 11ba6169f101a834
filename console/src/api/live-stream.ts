/**
 * The live feed of a project, kept open until it is closed.
 *
 * Words used here:
 * - position: the id of the last message that came; the feed goes on behind it, as far back as the server remembers.
 * - gap: a message that says what the feed left out, and why.
 *
 * States: connecting → open → (broken → connecting …) → closed. The browser reconnects by itself after a broken
 * connection; after a refusal it gives up, and this file tries again with a growing pause.
 */
import { sluiceUrl } from './client.ts'

export type LiveState = 'connecting' | 'open' | 'broken'

export interface LiveMessage {
  readonly kind: 'event' | 'gap'
  /** The position behind it; empty before the first event. */
  readonly id: string
  /** JSON as it came; whoever shows it parses it, because most are never shown when many come. */
  readonly data: string
}

export interface LiveStreamOptions {
  readonly projectId: number
  readonly event?: string
  readonly distinctId?: string
  /** Where to go on; without it from now. */
  readonly lastId?: string | undefined
  readonly onMessage: (message: LiveMessage) => void
  readonly onState: (state: LiveState) => void
  /** The server refused, or is away. Why it does not say here, so this is the moment to ask for the session. */
  readonly onRefused: () => void
}

export interface LiveStream {
  readonly close: () => void
}

const pauseMsMin = 1_000
const pauseMsMax = 30_000

export function openLiveStream(options: LiveStreamOptions): LiveStream {
  let lastId = options.lastId
  let source: EventSource | undefined
  let timer: number | undefined
  let pauseMs = pauseMsMin

  const take = (kind: 'event' | 'gap') => (message: MessageEvent<string>) => {
    if (message.lastEventId !== '') lastId = message.lastEventId
    options.onMessage({ kind, id: message.lastEventId, data: message.data })
  }

  const connect = (): void => {
    options.onState('connecting')
    const opened = new EventSource(liveUrl(options, lastId))
    source = opened
    opened.addEventListener('event', take('event'))
    opened.addEventListener('gap', take('gap'))
    opened.onopen = () => {
      pauseMs = pauseMsMin
      options.onState('open')
    }
    opened.onerror = () => {
      options.onState('broken')
      if (opened.readyState !== EventSource.CLOSED) return
      options.onRefused()
      timer = window.setTimeout(connect, pauseMs)
      pauseMs = Math.min(pauseMs * 2, pauseMsMax)
    }
  }
  connect()

  return {
    close() {
      window.clearTimeout(timer)
      source?.close()
    },
  }
}

function liveUrl(options: LiveStreamOptions, lastId: string | undefined): string {
  const url = new URL(`${sluiceUrl}/api/projects/${String(options.projectId)}/live`)
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') url.searchParams.set(name, value)
  }
  set('event', options.event)
  set('distinct_id', options.distinctId)
  set('last_id', lastId)
  return url.href
}
