/** One keep-alive connection that writes prepared bytes and reads just enough of the answers: cheap, so that the server is measured. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface LoadConnectionOptions {
  readonly host: string
  readonly port: number
  /** Of this machine, to come from; the usual one when not given. */
  readonly localAddress?: string
  /** Connected and idle: now `send` may be called. */
  idle(connection: LoadConnection): void
  answered(status: number, body: string): void
  /** The connection is gone; a request that waited for its answer stays unanswered. */
  failed(reason: string): void
}

const answerTimeoutMs = 30_000
const headEnd = '\r\n\r\n'

export class LoadConnection {
  readonly #options: LoadConnectionOptions
  readonly #socket: Socket
  #received = ''
  #closed = false

  constructor(options: LoadConnectionOptions) {
    this.#options = options
    const { host, port, localAddress } = options
    this.#socket = connect({ host, port, noDelay: true, ...(localAddress === undefined ? {} : { localAddress }) })
    this.#socket.setTimeout(answerTimeoutMs, () => this.#fail('no answer in 30 s'))
    this.#socket.on('connect', () => options.idle(this))
    this.#socket.on('data', (chunk) => this.#read(chunk))
    this.#socket.on('error', (error) => this.#fail(error.message))
    this.#socket.on('close', () => this.#fail('closed by the server'))
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  close(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    this.#received += chunk.toString('latin1')
    const headLength = this.#received.indexOf(headEnd)
    if (headLength === -1) return
    const head = this.#received.slice(0, headLength)
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length === undefined) {
      this.#fail('an answer without content-length')
      return
    }
    const end = headLength + headEnd.length + Number(length)
    if (this.#received.length < end) return
    const body = this.#received.slice(headLength + headEnd.length, end)
    this.#received = ''
    this.#options.answered(Number(head.slice(9, 12)), body)
    if (!this.#closed) this.#options.idle(this)
  }

  #fail(reason: string): void {
    if (this.#closed) return
    this.close()
    this.#options.failed(reason)
  }
}
