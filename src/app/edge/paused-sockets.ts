/**
 * Connections that are not read from for a while: what their client goes on sending waits on his own machine and costs us
 * nothing. One timer for all of them, which runs only while there are any.
 */
import type { Socket } from 'node:net'

export interface PausedSockets {
  /** Safe to call again for one that is paused already. */
  pause(socket: Socket, forMs: number): void
}

const tickMs = 20

/** When `stopping` aborts all are read again, so that they can end. */
export function createPausedSockets(stopping: AbortSignal): PausedSockets {
  const resumeAtMs = new Map<Socket, number>()
  let timer: NodeJS.Timeout | undefined

  const resumeUntil = (nowMs: number): void => {
    for (const [socket, atMs] of resumeAtMs) {
      if (atMs > nowMs && !socket.destroyed) continue
      resumeAtMs.delete(socket)
      if (!socket.destroyed) socket.resume()
    }
    if (resumeAtMs.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
  stopping.addEventListener('abort', () => resumeUntil(Infinity), { once: true })

  return {
    pause(socket, forMs) {
      // Node reads on once it has thrown away the rest of the request; that comes first.
      setImmediate(() => {
        if (socket.destroyed || stopping.aborted) return
        socket.pause()
        resumeAtMs.set(socket, performance.now() + forMs)
        timer ??= setInterval(() => resumeUntil(performance.now()), tickMs)
        timer.unref()
      })
    },
  }
}
