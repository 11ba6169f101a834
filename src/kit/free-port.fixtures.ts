import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port that stays the same over restarts. Below the range from which kernels give out ports on their own, so that
 * nobody takes it while the installation is down; test files run as processes side by side, so each begins elsewhere.
 */
let next = 20_000 + ((process.pid * 31) % 12_000)

export async function freePort(): Promise<number> {
  while (true) {
    const port = next
    next = next >= 32_000 ? 20_000 : next + 1
    if (await isFree(port)) return port
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
