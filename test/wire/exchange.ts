/** One request as bytes over a connection of its own, and its answer. */
import { connect } from 'node:net'

export interface Exchanged {
  readonly status: number
  /** Names in lower case; of those given twice, both values with a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** As it goes over the wire; `length` and `connection: close` are added unless they are given. */
export interface Requested {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

export function requestBytes({ method = 'POST', path = '/e/', headers = {}, body = '' }: Requested): Buffer {
  const payload = Buffer.from(body)
  const all: Record<string, string> = { host: 'sluice.test', connection: 'close', ...headers }
  if (payload.length > 0 && all['transfer-encoding'] === undefined) all['content-length'] ??= String(payload.length)
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n`), payload])
}

export interface ExchangeOptions {
  readonly timeoutMs?: number
  /** Nothing more is sent, and the other side hears of it at once. */
  readonly isHalfClosed?: boolean
}

/** Resolves with all that came until an answer was whole, the other side closed, or `timeoutMs` were over. */
export function exchangeBytes(
  to: { readonly host: string; readonly port: number },
  bytes: readonly Buffer[],
  { timeoutMs = 10_000, isHalfClosed = false }: ExchangeOptions = {},
): Promise<{ readonly received: Buffer; readonly isOver: boolean }> {
  const isHead = bytes[0]?.toString('latin1', 0, 5) === 'HEAD '
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(to.port, to.host)
    const end = (isOver: boolean): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ received: Buffer.concat(chunks), isOver })
    }
    const timer = setTimeout(() => {
      end(false)
    }, timeoutMs)
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      if (isWhole(Buffer.concat(chunks), isHead)) end(true)
    })
    // A reset after the answer is how the other side says that it reads no further.
    socket.on('error', () => {
      end(true)
    })
    socket.on('close', () => {
      end(true)
    })
    for (const piece of bytes) socket.write(piece)
    if (isHalfClosed) socket.end()
  })
}

/** The first answer in what was received that is not of the kind "go on" (1xx); undefined when there is none. */
export function answerIn(received: Buffer): Exchanged | undefined {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  if (received.toString('latin1', 0, 10) === 'HTTP/1.1 1') return answerIn(received.subarray(headEnd + 4))
  const [statusLine = '', ...lines] = received.toString('latin1', 0, headEnd).split('\r\n')
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  return { status: Number(statusLine.split(' ')[1]), headers, text: received.toString('utf8', headEnd + 4) }
}

/** An answer with as much text as it says, or with none to come, as to HEAD. */
function isWhole(received: Buffer, isHead: boolean): boolean {
  const answer = answerIn(received)
  if (answer === undefined) return false
  const length = isHead ? 0 : Number(answer.headers['content-length'] ?? 0)
  return answer.headers['transfer-encoding'] === undefined && Buffer.byteLength(answer.text) >= length
}
