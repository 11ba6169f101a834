/**
 * Connections that are not read from for a while: what their client goes on sending waits on his own machine and costs us
 * nothing. One timer for all of them, which runs only while there are any. Those whose time has come are read again a few at a
 * time, in the order of their times: a hundred that came back at once would be a hundred requests before anybody else's.
 */
import type { Socket } from 'node:net'

export interface PausedSockets {
  /** Safe to call again for one that is paused already: then the new time holds. */
  pause(socket: Socket, forMs: number): void
}

const tickMs = 5
/** A second lets in 1,600. */
const resumedInTickMax = 8
/** Instead of a tick: its time has come, its turn has not. */
const isDue = -1

/** When `stopping` aborts all are read again, so that they can end. */
export function createPausedSockets(stopping: AbortSignal): PausedSockets {
  /** With the tick in which its time has come. */
  const paused = new Map<Socket, number>()
  const byTick = new Map<number, Socket[]>()
  let due: Socket[] = []
  let nextTick = 0
  let timer: NodeJS.Timeout | undefined

  const tick = (): void => {
    for (const last = tickAt(performance.now()); nextTick <= last; nextTick++) {
      for (const socket of byTick.get(nextTick) ?? []) {
        // Otherwise it was paused again.
        if (paused.get(socket) !== nextTick) continue
        paused.set(socket, isDue)
        due.push(socket)
      }
      byTick.delete(nextTick)
    }
    let at = 0
    for (let resumed = 0; at < due.length && resumed < resumedInTickMax; at++) {
      const socket = due[at]
      if (socket === undefined || paused.get(socket) !== isDue) continue
      paused.delete(socket)
      if (socket.destroyed) continue
      socket.resume()
      resumed++
    }
    due = due.slice(at)
    if (paused.size > 0) return
    clearInterval(timer)
    timer = undefined
    // Of those that were paused again meanwhile.
    byTick.clear()
  }

  const resumeAll = (): void => {
    for (const socket of paused.keys()) if (!socket.destroyed) socket.resume()
    paused.clear()
    byTick.clear()
    due = []
    clearInterval(timer)
  }
  stopping.addEventListener('abort', resumeAll, { once: true })

  return {
    pause(socket, forMs) {
      // Node reads on once it has thrown away the rest of the request; that comes first.
      setImmediate(() => {
        if (socket.destroyed) return
        if (stopping.aborted) {
          // It may have been paused since it was made.
          socket.resume()
          return
        }
        socket.pause()
        const nowMs = performance.now()
        if (timer === undefined) {
          nextTick = tickAt(nowMs)
          timer = setInterval(tick, tickMs).unref()
        }
        const at = tickAt(nowMs + forMs) + 1
        if (paused.get(socket) === at) return
        paused.set(socket, at)
        const others = byTick.get(at)
        if (others === undefined) byTick.set(at, [socket])
        else others.push(socket)
      })
    },
  }
}

function tickAt(ms: number): number {
  return Math.floor(ms / tickMs)
}
