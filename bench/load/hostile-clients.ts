/**
 * Clients that mean no good, a process of their own: `node bench/load/hostile-clients.ts PLAN` (a HostilePlan as JSON) prints a line
 * once all have begun and a HostileResult at the end.
 *
 * It takes no time of the client that is measured (`host/pinning.ts`). None of them ever heeds a 429.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { createEvents } from './event-bodies.ts'
import { hostileKinds } from './hostile-plan.ts'
import type { HostileCounts, HostileKind, HostilePlan, HostileResult } from './hostile-plan.ts'
import { LoadConnection } from './load-connection.ts'
import { prepareRequest, renewRequest } from './prepared-requests.ts'

const slowConnections = 100
const endlessConnections = 4
const bombConnections = 4
const floodConnections = 32
const connectingAtOnce = 8
const dripEveryMs = 1000
const reopenAfterMs = 20
const bombBytes = 300_000_000
const event = 'POST /batch/ HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n'

async function attack(plan: HostilePlan): Promise<HostileResult> {
  const kinds = Object.fromEntries(
    hostileKinds.map((kind) => [kind, { connections: 0, broken: 0, answers: {} }]),
  ) as Record<HostileKind, HostileCounts>
  const bomb = withBody(gzipSync(Buffer.alloc(bombBytes, 0x20), { level: 9 }), 'content-encoding: gzip\r\n')
  const state = { isOver: false, sent: 0, acknowledged: 0 }
  const drips = new Set<() => void>()
  const dripping = setInterval(() => {
    for (const drip of drips) drip()
  }, dripEveryMs)

  /** A connection that is opened again whenever it breaks. */
  const keep = (localAddress: string, kind: HostileKind, begin: (socket: Socket) => () => void): void => {
    const counts = kinds[kind]
    const socket = connect({ host: '127.0.0.1', port: plan.port, localAddress })
    counts.connections++
    let end: (() => void) | undefined
    socket.on('connect', () => {
      end = begin(socket)
    })
    socket.on('data', (chunk) => count(counts, chunk.toString('latin1')))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      end?.()
      counts.broken++
      if (!state.isOver) setTimeout(keep, reopenAfterMs, localAddress, kind, begin)
    })
  }
  const dripped = (head: string, drop: string) => (socket: Socket) => {
    socket.write(head)
    const drip = (): void => {
      socket.write(drop)
    }
    drips.add(drip)
    return () => drips.delete(drip)
  }
  const endless = (socket: Socket) => {
    socket.write(`${event}transfer-encoding: chunked\r\n\r\n`)
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x1_0000)}\r\n`)
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('drain', more)
    more()
    return () => socket.off('drain', more)
  }
  /** Sends as soon as it was answered, whatever the answer. */
  const flood = (
    localAddress: string,
    kind: HostileKind,
    next: () => Buffer,
    answered: (status: number) => void,
  ): void => {
    const counts = kinds[kind]
    counts.connections++
    new LoadConnection({
      host: '127.0.0.1',
      port: plan.port,
      localAddress,
      idle(connection) {
        if (state.isOver) connection.close()
        else connection.send(next())
      },
      answered(status) {
        counts.answers[String(status)] = (counts.answers[String(status)] ?? 0) + 1
        answered(status)
      },
      failed() {
        counts.broken++
        if (!state.isOver) setTimeout(flood, reopenAfterMs, localAddress, kind, next, answered)
      },
    })
  }
  const makeEvent = createEvents(plan.seed)
  const rubbish = [
    withBody(Buffer.from('{"batch": [{"event": ')),
    withBody(Buffer.from('{"api_key":"phc_nobody_has_this","batch":[{"event":"a","distinct_id":"b"}]}')),
    Buffer.from('GET /nothing/here HTTP/1.1\r\nhost: a\r\n\r\n'),
    Buffer.from('POST /e HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n'),
  ]

  const begin: Record<HostileKind, (localAddress: string) => void> = {
    'slow headers': (address) => {
      for (let n = 0; n < slowConnections; n++) keep(address, 'slow headers', dripped(event, 'x-more: of it\r\n'))
    },
    'slow bodies': (address) => {
      const head = `${event}content-length: 1000000\r\n\r\n`
      for (let n = 0; n < slowConnections; n++) keep(address, 'slow bodies', dripped(head, 'x'.repeat(1000)))
    },
    'endless bodies': (address) => {
      for (let n = 0; n < endlessConnections; n++) keep(address, 'endless bodies', endless)
    },
    'gzip bombs': (address) => {
      for (let n = 0; n < bombConnections; n++)
        flood(
          address,
          'gzip bombs',
          () => bomb,
          () => undefined,
        )
    },
    'good floods': (address) => {
      for (let n = 0; n < floodConnections; n++) {
        const { port, token } = plan
        const single = { host: '127.0.0.1', port, path: '/batch/', token, batch: 1, gzip: false }
        const request = prepareRequest(single, makeEvent)
        const next = (): Buffer => {
          state.sent++
          renewRequest(request)
          return request.bytes
        }
        flood(address, 'good floods', next, (status) => {
          if (status === 200) state.acknowledged++
        })
      }
    },
    'bad floods': (address) => {
      let turn = 0
      const next = (): Buffer => rubbish[turn++ % rubbish.length] ?? Buffer.alloc(0)
      for (let n = 0; n < floodConnections; n++) flood(address, 'bad floods', next, () => undefined)
    },
    'connection floods': (address) => {
      // Closed by this side as soon as it is open.
      const once = (socket: Socket) => {
        socket.destroy()
        return () => undefined
      }
      for (let n = 0; n < connectingAtOnce; n++) keep(address, 'connection floods', once)
    },
  }
  for (let n = 0; n < plan.clients; n++) {
    const kind = hostileKinds[n % hostileKinds.length] ?? 'bad floods'
    begin[kind](`127.0.0.${String(2 + n)}`)
  }
  process.stdout.write('begun\n')
  await sleep(plan.seconds * 1000)
  state.isOver = true
  clearInterval(dripping)
  // Answers that are on their way.
  await sleep(1000)
  return {
    acknowledgedEvents: state.acknowledged,
    unacknowledgedEvents: state.sent - state.acknowledged,
    byKind: kinds,
  }
}

function withBody(body: Buffer, headers = ''): Buffer {
  return Buffer.concat([Buffer.from(`${event}${headers}content-length: ${String(body.length)}\r\n\r\n`), body])
}

function count(counts: HostileCounts, text: string): void {
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]
  if (status !== undefined) counts.answers[status] = (counts.answers[status] ?? 0) + 1
}

const [planText] = process.argv.slice(2)
if (planText === undefined) throw new Error('Give a HostilePlan as JSON; bench/run.ts does.')
// Made by parts/hostile.ts.
const result = await attack(JSON.parse(planText) as HostilePlan)
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
