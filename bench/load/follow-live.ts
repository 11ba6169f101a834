/**
 * Readers of a live stream, many in one process that does next to nothing with what comes: `node bench/load/follow-live.ts PLAN`
 * (a FollowPlan as JSON) prints a line once all are connected and a FollowResult once its stdin ends.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { FollowPlan, FollowResult } from './follow-plan.ts'

async function follow(plan: FollowPlan): Promise<void> {
  const sockets: Socket[] = []
  let bytes = 0
  let ended = 0
  for (let reader = 0; reader < plan.readers + plan.stuckReaders; reader++) {
    const socket = connect(plan.port, '127.0.0.1')
    sockets.push(socket)
    socket.on('close', () => ended++)
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(`GET ${plan.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${plan.authorization}\r\n\r\n`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    if (!head.toString('latin1').startsWith('HTTP/1.1 200')) throw new Error(head.toString('latin1').slice(0, 500))
    // One that is stuck has its stream, and never takes anything from it again.
    if (reader < plan.stuckReaders) socket.pause()
    else socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
  }
  process.stdout.write('following\n')
  process.stdin.resume()
  await once(process.stdin, 'end')
  const result: FollowResult = { bytes, ended }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  for (const socket of sockets) socket.destroy()
}

const [planText] = process.argv.slice(2)
if (planText === undefined) throw new Error('Give a FollowPlan as JSON; bench/run.ts does.')
// Made by parts/live.ts.
await follow(JSON.parse(planText) as FollowPlan)
