import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { openLiveStream } from '../../api/live-stream.ts'
import type { LiveState } from '../../api/live-stream.ts'
import { sessionKey } from '../../api/session.ts'
import { EventRate, flushMsMin, WaitingMessages, withNewRows } from './live-feed.ts'
import type { LiveRow } from './live-feed.ts'

export interface LiveFilter {
  readonly event: string
  readonly distinctId: string
}

interface Feed {
  readonly rows: readonly LiveRow[]
  readonly perSecond: number
  /** Since the page was opened or the filter changed. */
  readonly total: number
}

const nothing: Feed = { rows: [], perSecond: 0, total: 0 }
const rateShownMs = 1_000

/** Rows of the live feed. While paused nothing is fetched; after it the feed goes on where it stood. */
export function useLiveFeed(projectId: number, filter: LiveFilter, isPaused: boolean) {
  const [feed, setFeed] = useState(nothing)
  const [state, setState] = useState<LiveState>('connecting')
  const client = useQueryClient()
  const position = useRef<string>(undefined)
  // One for the whole life of the list, whose rows have their keys from it.
  const messages = useRef(new WaitingMessages())
  const { event, distinctId } = filter

  useEffect(() => {
    if (isPaused) return
    const waiting = messages.current
    const rate = new EventRate(Date.now())
    let frame: number | undefined
    let flushedAt = 0

    const flush = (now: number): void => {
      if (now - flushedAt < flushMsMin) {
        frame = requestAnimationFrame(flush)
        return
      }
      frame = undefined
      flushedAt = now
      const { rows, eventCount, lastId } = waiting.flush()
      if (lastId !== undefined) position.current = lastId
      setFeed((before) => ({ ...before, rows: withNewRows(before.rows, rows), total: before.total + eventCount }))
    }
    const stream = openLiveStream({
      projectId,
      event,
      distinctId,
      lastId: position.current,
      onMessage(message) {
        waiting.push(message)
        if (message.kind === 'event') rate.add(Date.now())
        // Frames come only while the page is seen; what waits meanwhile is bounded.
        frame ??= requestAnimationFrame(flush)
      },
      onState: setState,
      onRefused: () => void client.invalidateQueries({ queryKey: sessionKey }),
    })
    const timer = window.setInterval(() => {
      const perSecond = rate.perSecond(Date.now())
      setFeed((before) => (before.perSecond === perSecond ? before : { ...before, perSecond }))
    }, rateShownMs)

    return () => {
      stream.close()
      window.clearInterval(timer)
      if (frame !== undefined) cancelAnimationFrame(frame)
      waiting.flush()
      setFeed((before) => ({ ...before, perSecond: 0 }))
    }
  }, [projectId, event, distinctId, isPaused, client])

  // A position means something only for the same question.
  useEffect(
    () => () => {
      position.current = undefined
      setFeed(nothing)
    },
    [projectId, event, distinctId],
  )

  const clear = (): void => setFeed((before) => ({ ...before, rows: [] }))
  return { ...feed, state, clear }
}
