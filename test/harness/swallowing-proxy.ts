/** Stands before ClickHouse and, when it is told to, lets an insert be done and takes its answer away. */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface SwallowingProxy {
  readonly url: string
  /** The answers to so many inserts more are swallowed. */
  swallow(inserts: number): void
  /** Answers of inserts that were done and never heard of. */
  readonly swallowed: number
  close(): Promise<void>
}

export async function openSwallowingProxy(target: string): Promise<SwallowingProxy> {
  let wanted = 0
  let swallowed = 0
  const pass = async (asked: IncomingMessage, answer: ServerResponse): Promise<void> => {
    const body = await buffer(asked)
    const { method = 'GET', headers, url = '/' } = asked
    const forwarded = request(new URL(url, target), { method, headers, agent: false })
    answer.on('close', () => forwarded.destroy())
    forwarded.end(body)
    const [came] = (await once(forwarded, 'response')) as [IncomingMessage]
    if (isInsert(url, body) && came.statusCode === 200 && wanted > 0) {
      await buffer(came)
      wanted--
      swallowed++
      asked.socket.destroy()
      return
    }
    answer.writeHead(came.statusCode ?? 502, came.headers)
    came.pipe(answer)
  }
  const server = createServer((asked, answer) => {
    pass(asked, answer).catch(() => asked.socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    swallow(inserts) {
      wanted += inserts
    },
    get swallowed() {
      return swallowed
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The official client names the statement in the address and sends rows as body. */
function isInsert(url: string, body: Buffer): boolean {
  const statement = new URL(url, 'http://any').searchParams.get('query') ?? body.subarray(0, 100).toString()
  return /^\s*insert\s+into\b/i.test(statement)
}
