/** The servers in front of one listener: plain HTTP, HTTPS, or both. */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Server as TlsServer } from 'node:https'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Config } from '../config.ts'
import type { ClientAddress } from './client-address.ts'
import { sourceOf } from './client-address.ts'
import type { EdgeEvents } from './edge.events.ts'
import { EdgeRequest, EdgeResponse } from './exchange.ts'
import { refusalOf } from './own-answers.ts'
import { OpenConnections } from './open-connections.ts'
import type { PausedSockets } from './paused-sockets.ts'
import type { SourceBudgets } from './source-budgets.ts'
import type { TlsFiles } from './tls-files.ts'

export interface EdgeServers {
  readonly plain: Server | undefined
  readonly tls: TlsServer | undefined
  /** Timeouts and bounds of the settings; hold for connections that are open already too. */
  set(config: Config): void
  /** Has each source pay for what came on its connections since the last call; who has sent too much is not read for a while. */
  takeBytes(): void
  /** For connections that come from now on. */
  setCertificate(files: TlsFiles): void
}

export interface ServersOptions {
  readonly config: Config
  /** Undefined where TLS is off, or has no usable certificate yet: then no handshake succeeds. */
  readonly tlsFiles: TlsFiles | undefined
  readonly listener: (request: EdgeRequest, response: EdgeResponse) => void
  readonly clientAddress: () => ClientAddress
  readonly budgets: SourceBudgets
  readonly paused: PausedSockets
  readonly events: EdgeEvents
}

type AnyServer = Server | TlsServer

/** Longer than the idle time of usual load balancers, so that they are the ones who close. */
const keepAliveTimeoutMs = 75_000
/** Who reads nothing of his answer, nor sends anything, for this much longer than an answer may take, has gone. */
const silenceMs = 60_000
const silenceLookMs = 10_000
// Node looks for requests past their time every 30 s unless told otherwise.
const checkEveryMs = 50
/** Calls of `takeBytes` that are further apart belong to two loads. */
const takingPauseMs = 1000

export function createEdgeServers(options: ServersOptions): EdgeServers {
  const { config, tlsFiles, listener } = options
  const common = {
    IncomingMessage: EdgeRequest,
    ServerResponse: EdgeResponse,
    connectionsCheckingInterval: checkEveryMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    noDelay: true,
  }
  const plain = config.edge.port === undefined ? undefined : (createServer(common, listener) as Server)
  const tls =
    config.tls.port === 0
      ? undefined
      : (createTlsServer(
          { ...common, ...tlsFiles?.context, handshakeTimeout: config.capture.headersTimeoutMs },
          listener,
        ) as TlsServer)
  const servers: readonly AnyServer[] = [plain, tls].filter((server) => server !== undefined)
  let silenceMsMax = silenceMs
  const set = ({ capture, query }: Config): void => {
    for (const server of servers) {
      server.headersTimeout = capture.headersTimeoutMs
      server.requestTimeout = capture.headersTimeoutMs + capture.bodyTimeoutMs
      server.maxConnections = capture.connectionsMax
    }
    silenceMsMax = query.timeMsMax + silenceMs
  }
  const open = new OpenConnections()
  let takenAtMs = -Infinity
  for (const server of servers) {
    guardConnections(server, open, options)
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      options.events.requestUnreadable(error.code ?? 'unknown')
      // Only what Node's parser says has a request's beginning before it that can be answered.
      const isOfParser = error.code?.startsWith('HPE_') === true || error.code?.startsWith('ERR_HTTP_') === true
      if (isOfParser && socket instanceof Socket && socket.bytesRead > 0) {
        const source = open.sourceOf(socket)
        if (source !== undefined) options.budgets.chargeRefused(source)
      }
      const refuse = (): void => {
        if (isOfParser && socket.writable) socket.end(refusalOf(error.code))
        else socket.destroy()
      }
      // Those who began together are too late together.
      if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && socket instanceof Socket) {
        socket.once('resume', refuse)
        options.paused.pause(socket, 1)
      } else refuse()
    })
    server.on('drop', () => options.events.connectionRefused())
    // Otherwise Node answers 417 by itself, past budgets and access log (RFC 9110, 10.1.1 leaves it to the server).
    server.on('checkExpectation', listener)
  }
  set(config)
  const looking = setInterval(() => open.closeSilent(silenceMsMax), silenceLookMs)
  looking.unref()
  servers[0]?.once('close', () => clearInterval(looking))
  return {
    plain,
    tls,
    set,
    takeBytes() {
      const nowMs = performance.now()
      // What came before the load rose is nobody's fault.
      const isFirst = nowMs - takenAtMs > takingPauseMs
      takenAtMs = nowMs
      open.takeBytes((socket, source, bytes) => {
        const waitMs = isFirst ? 0 : options.budgets.takeBytes(source, bytes)
        if (waitMs > 0) options.paused.pause(socket, waitMs)
      })
    },
    setCertificate: ({ context }) => tls?.setSecureContext(context),
  }
}

/**
 * Asks for each connection whether its source may have it before HTTP, or a TLS handshake, begins on it. A refused one costs as
 * little as can be. One that comes too early waits unread, and is little more than a socket until then.
 */
function guardConnections(
  server: AnyServer,
  open: OpenConnections,
  { clientAddress, budgets, paused, events }: ServersOptions,
): void {
  const isTls = 'setSecureContext' in server
  if (isTls) {
    // What is read and paused is the socket that TLS puts around the connection.
    server.on('secureConnection', (socket: Socket) => {
      const { address, isTrusted } = clientAddress().peerOf(socket)
      open.watch(socket, isTrusted ? undefined : budgets.of(sourceOf(address)))
    })
  }
  // Options of net.Server that http.createServer does not pass on. The first: nothing is read before `resume`. The second is asked
  // before a socket is made, which is half of what a connection costs that is refused.
  Object.assign(server, {
    pauseOnConnect: true,
    blockList: {
      check(remoteAddress: string): boolean {
        const { address, isTrusted } = clientAddress().peerAt(remoteAddress)
        const isRefused = budgets.refuses(isTrusted ? undefined : budgets.of(sourceOf(address)))
        if (isRefused) events.connectionRefused()
        return isRefused
      },
    },
  })
  const begin = server.listeners('connection') as ((socket: Socket) => void)[]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    // It has gone already, and nobody was asked.
    if (socket.remoteAddress === undefined) {
      socket.destroy()
      return
    }
    const { address, isTrusted } = clientAddress().peerOf(socket)
    const source = isTrusted ? undefined : budgets.of(sourceOf(address))
    const waitMs = budgets.connected(source)
    socket.once('close', () => budgets.disconnected(source, socket.bytesRead))
    if (!isTls) open.watch(socket, source)
    socket.once('resume', () => {
      for (const handler of begin) handler.call(server, socket)
    })
    if (waitMs > 0) paused.pause(socket, waitMs)
    else socket.resume()
  })
}
