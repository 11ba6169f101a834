import { createServer } from 'node:net'
import type { Server } from 'node:net'

/** Below those that the kernel hands out for outgoing connections: a server that is away for a moment finds its port again. */
const portMin = 20_000
const portMax = 32_000
const triesMax = 200

/** As many free loopback ports as asked for, all different. Who wants one soon must take it soon. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const held: Server[] = []
  const ports: number[] = []
  try {
    for (let tries = 0; ports.length < count; tries += 1) {
      if (tries === triesMax) throw new Error('No free port was found on 127.0.0.1.')
      const port = portMin + Math.floor(Math.random() * (portMax - portMin))
      const server = await listenOn(port)
      if (server === undefined) continue
      held.push(server)
      ports.push(port)
    }
    return ports
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = await listenOn(port)
  if (server === undefined) return false
  await new Promise((resolve) => server.close(resolve))
  return true
}

/** Undefined when somebody has the port. */
function listenOn(port: number): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve(server))
  })
}
