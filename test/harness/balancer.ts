/** What stands before several edges: gives each request to the next of them, and to another one where that cannot be reached. */
import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Ending } from './installation.ts'

export interface Balancer {
  readonly url: string
  /** How many requests each has answered. */
  readonly answeredBy: readonly number[]
}

export async function aBalancer(ending: Ending, targets: readonly string[]): Promise<Balancer> {
  const answeredBy = targets.map(() => 0)
  const agent = new Agent({ keepAlive: true })
  let turn = 0

  const pass = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const body = await buffer(asked)
    for (let tries = 0; tries < targets.length; tries++) {
      const at = turn++ % targets.length
      const { method, headers, url = '/' } = asked
      const passed = request(`${String(targets[at])}${url}`, { method, headers, agent })
      try {
        passed.end(body)
        const [response] = (await once(passed, 'response')) as [IncomingMessage]
        answer.writeHead(response.statusCode ?? 502, response.headers)
        answer.end(await buffer(response))
        answeredBy[at] = (answeredBy[at] ?? 0) + 1
        return
      } catch {
        // Who broke off in the middle of an answer is not asked again: the client is told in the same way.
        if (answer.headersSent) break
      }
    }
    answer.destroy()
  }

  const server = createServer((asked, answer) => {
    pass(asked, answer).catch(() => answer.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.after(async () => {
    agent.destroy()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, answeredBy }
}
