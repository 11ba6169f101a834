/** The connections that are open: what came on them, and whether anything still moves. */
import type { Socket } from 'node:net'
import type { Source } from './source-budgets.ts'

/** One as it was when it was last looked at. */
interface Connection {
  /** Undefined for one whose source has no budget. */
  readonly source: Source | undefined
  /** What its source was told of. */
  bytesTold: number
  /** In both directions. */
  bytesMoved: number
  movedAtMs: number
}

export class OpenConnections {
  readonly #open = new Map<Socket, Connection>()
  readonly #nowMs: () => number

  constructor(nowMs = () => performance.now()) {
    this.#nowMs = nowMs
  }

  watch(socket: Socket, source: Source | undefined): void {
    this.#open.set(socket, { source, bytesTold: socket.bytesRead, bytesMoved: 0, movedAtMs: this.#nowMs() })
    socket.once('close', () => this.#open.delete(socket))
  }

  /** Undefined for one that is not open any more, or whose source has no budget. */
  sourceOf(socket: Socket): Source | undefined {
    return this.#open.get(socket)?.source
  }

  /** Of each connection whose source has a budget, the bytes that came on it since the last call; none when nothing did. */
  takeBytes(tell: (socket: Socket, source: Source, bytes: number) => void): void {
    for (const [socket, connection] of this.#open) {
      if (connection.source === undefined) continue
      const { bytesRead } = socket
      const bytes = bytesRead - connection.bytesTold
      connection.bytesTold = bytesRead
      if (bytes > 0) tell(socket, connection.source, bytes)
    }
  }

  /**
   * Closes those on which nothing has moved for so long, in either direction. To be called again and again: silence is
   * counted in calls, so that no request pays for a timer (`server.timeout` costs half a microsecond of each).
   */
  closeSilent(silenceMsMax: number): void {
    const nowMs = this.#nowMs()
    for (const [socket, connection] of this.#open) {
      const bytesMoved = socket.bytesRead + socket.bytesWritten
      if (bytesMoved !== connection.bytesMoved) {
        connection.bytesMoved = bytesMoved
        connection.movedAtMs = nowMs
      } else if (nowMs - connection.movedAtMs > silenceMsMax) socket.destroy()
    }
  }
}
