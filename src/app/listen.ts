/** Starting and ending HTTP servers. */
import { rm } from 'node:fs/promises'
import type { Server } from 'node:http'

/** Connections that wait for being accepted; the kernel may have a lower bound. Of one too many it hears nothing for a second. */
const backlog = 4096

/** Resolves with the port once the server listens. */
export async function listenOnPort(server: Server, port: number, host: string): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host, backlog }, resolve)
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

/** `10.0.0.5:8100`, `[::1]:8100`. */
export function hostAndPortOf(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) }
}

/** A socket file that a killed process left behind is in nobody's way: who listens here holds the role's lock. */
export async function freeSocket(path: string): Promise<void> {
  await rm(path, { force: true })
}

/** Takes no new connection, lets running requests end, at the latest after `timeoutMs`. */
export async function closeServer(server: Server, timeoutMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve()
    })
  })
  server.closeIdleConnections()
  const timer = setTimeout(() => {
    server.closeAllConnections()
  }, timeoutMs)
  // Keep-alive connections become idle one by one, after the server stopped listening.
  const sweep = setInterval(() => {
    server.closeIdleConnections()
  }, 50)
  await closed
  clearTimeout(timer)
  clearInterval(sweep)
}
