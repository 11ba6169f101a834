/** A request written byte by byte, for what no client library would send. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface RawRequest {
  readonly url: string
  /** Written one after the other, with a pause between two. */
  readonly pieces: Iterable<string | Buffer> | AsyncIterable<string | Buffer>
  readonly pauseMs?: number
}

/** Resolves with whatever was answered once the other side has closed; the writing ends as soon as something is answered. */
export async function sendRaw({ url, pieces, pauseMs = 0 }: RawRequest): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let answered = ''
  socket.setEncoding('latin1')
  socket.on('data', (text: string) => (answered += text))
  // A reset after the answer is how the other side says that it reads no further.
  socket.on('error', () => undefined)
  const end = new Promise((resolve) => socket.once('close', resolve))
  for await (const piece of pieces) {
    if (socket.destroyed || answered !== '') break
    if (!socket.write(piece)) await Promise.race([end, new Promise((resolve) => socket.once('drain', resolve))])
    if (pauseMs > 0) await sleep(pauseMs)
  }
  await end
  return answered
}
