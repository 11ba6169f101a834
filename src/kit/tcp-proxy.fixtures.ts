/** A way to a service that a test can cut or freeze, while the service itself serves the other tests. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface TcpProxy {
  readonly port: number
  /** Breaks every connection and takes no new ones: the service is gone. */
  cut(): Promise<void>
  /** Takes connections again, on the same port. */
  mend(): Promise<void>
  /** Connections stay and are taken, but nothing goes through. Returns how to go on. */
  freeze(): () => void
  close(): Promise<void>
}

export async function openTcpProxy(host: string, port: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  let thawed: Promise<void> | undefined
  const track = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  }
  const join = async (near: Socket): Promise<void> => {
    track(near)
    await thawed
    if (near.destroyed) return
    const far = connect(port, host)
    track(far)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.pipe(far)
    far.pipe(near)
  }
  const server = createServer({ noDelay: true }, (near) => void join(near))
  const listen = async (at: number): Promise<void> => {
    server.listen(at, '127.0.0.1')
    await once(server, 'listening')
  }
  await listen(0)
  const own = (server.address() as AddressInfo).port

  async function cut(): Promise<void> {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  return {
    port: own,
    cut,
    mend: () => listen(own),
    freeze() {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      thawed = promise.then(() => undefined)
      const frozen = [...sockets]
      for (const socket of frozen) socket.pause()
      return () => {
        thawed = undefined
        for (const socket of frozen) if (!socket.destroyed) socket.resume()
        resolve(undefined)
      }
    },
    close: () => (server.listening ? cut() : Promise.resolve()),
  }
}
