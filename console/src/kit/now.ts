import { useSyncExternalStore } from 'react'

const tickMs = 1_000

/** One timer for the whole page, and only while somebody looks. */
const listeners = new Set<() => void>()
let timer: number | undefined
let now = Date.now()

/** The time, renewed every second. */
export function useNow(): Date {
  return new Date(useSyncExternalStore(listen, () => now))
}

function listen(listener: () => void): () => void {
  listeners.add(listener)
  if (timer === undefined) {
    now = Date.now()
    timer = window.setInterval(tick, tickMs)
  }
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    window.clearInterval(timer)
    timer = undefined
  }
}

function tick(): void {
  now = Date.now()
  for (const listener of listeners) listener()
}
