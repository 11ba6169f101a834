/**
 * One connection to Redis or Valkey (6.2 or later), for the adapters of every store that needs one. Uses only commands that both
 * have. Whoever calls says what to send; this file decides when it may be sent and what a failure means.
 *
 * States:
 * - connecting: at the start, or since a connection in order was lost. Calls wait, `commandTimeoutMs` at most.
 * - ready: calls are sent at once. What is called within one turn of the event loop goes out as one write.
 * - away: a try to connect failed, or the server fell silent. Calls are refused at once, so that nobody waits for nothing,
 *   while connecting is tried again and again with a pause that grows up to `retryMsMax`.
 * - closed.
 *
 * connecting ─► ready ─► connecting (lost) ─► away ─► ready. A silent server (no answer within `commandTimeoutMs`) is given up:
 * ready ─► away, because whatever waits behind the answer that does not come is in the same place.
 *
 * Nothing is ever sent twice: a call whose answer was lost rejects, and only its caller knows whether it bears repeating.
 *
 * Every error is a Failure:
 * - SLUICE_COORDINATION_UNAVAILABLE (retryable): Redis is away or not able to; nothing was done.
 * - SLUICE_COORDINATION_UNSURE (retryable): sent, but no answer came; it may have been done, or may yet be.
 * - SLUICE_COORDINATION_FULL (retryable): Redis has no memory left; nothing was done.
 * - SLUICE_COORDINATION_BUSY (retryable): `callsMax` calls are under way already; nothing was done.
 * - SLUICE_COORDINATION_REFUSED: Redis understood and refuses; `cause` has its words.
 * - SLUICE_COORDINATION_CLOSED: the connection was closed.
 */
import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import { codeOf, Failure, messageOf } from '../../../kit/failure.ts'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { redisAddressFrom } from './redis-address.ts'
import { redisAway, redisConnectFailed, redisReady, redisWarned } from './redis.events.ts'
import { redisWarningsFrom } from './redis-warnings.ts'
import type { RedisWarning } from './redis-warnings.ts'

export interface RedisConnectionOptions {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  readonly url: string
  /** Names the connection to the server (`CLIENT LIST`), in log lines and metrics. */
  readonly name: string
  /** In place of the address's own, so that no secret needs to stand in it. */
  readonly password?: string
  /** PEM: whose certificates are trusted over TLS, in place of the system's; and ours, where the server asks for one. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
  /** Goes before every key and channel that `key` makes. */
  readonly keyPrefix?: string
  /** Until the server has taken the connection, TLS included. */
  readonly connectTimeoutMs?: number
  /** Until a call is answered; also how long it waits to be sent. */
  readonly commandTimeoutMs?: number
  /** Longest pause between two tries to connect. */
  readonly retryMsMax?: number
  /** Calls that may wait to be sent or to be answered at once. */
  readonly callsMax?: number
  /** How often a connection is asked whether it is there still. */
  readonly checkMs?: number
  readonly telemetry?: Telemetry
  /** For whoever subscribes. */
  readonly listener?: RedisListener
}

export interface RedisListener {
  /** Calls are sent now; of subscriptions the server knows none yet. */
  ready(): void
  message(channel: string, message: string): void
}

export type RedisState = 'connecting' | 'ready' | 'away' | 'closed'

export interface RedisHealth {
  readonly state: RedisState
  /** Since when, Unix milliseconds. */
  readonly sinceMs: number
  /** Of `away`: why the last try failed. */
  readonly reason?: string
  /** How long the last check took; absent before the first. */
  readonly roundTripMs?: number
  /** What is wrong with how the server is set up, as it said when we connected last. */
  readonly warnings: readonly RedisWarning[]
}

export type RedisArgument = string | number | Buffer
export type RedisReply = string | number | null | readonly RedisReply[]

/** A Lua script, made once with `redisScript` and sent by its hash. */
export interface RedisScript {
  readonly lua: string
  readonly sha: string
}

export function redisScript(lua: string): RedisScript {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}

interface Waiting {
  readonly go: () => void
  readonly giveUp: (failure: Failure) => void
}

const retryMsMin = 50

/** Connects in the background, so it opens while the server is away. Throws only when the address is none. */
export function openRedisConnection(options: RedisConnectionOptions): RedisConnection {
  return new RedisConnection(options)
}

export class RedisConnection {
  readonly #redis: Redis
  readonly #options: RedisConnectionOptions
  readonly #telemetry: Telemetry
  readonly #commandTimeoutMs: number
  readonly #callsMax: number
  readonly #database: number
  readonly #waiting = new Set<Waiting>()
  readonly #checkTimer: NodeJS.Timeout
  #state: RedisState = 'connecting'
  #sinceMs = Date.now()
  #reason: string | undefined
  #roundTripMs: number | undefined
  #warnings: readonly RedisWarning[] = []
  /** Calls that wait to be sent or answered. */
  #calls = 0
  /** Called when the last of them is over. */
  #drained: (() => void) | undefined
  #isCorked = false
  #isChecking = false
  /** Counts connections, so that what one of them answers late says nothing about the next. */
  #connection = 0
  #closing: Promise<void> | undefined

  constructor(options: RedisConnectionOptions) {
    const address = redisAddressFrom(options.url)
    this.#options = options
    this.#telemetry = options.telemetry ?? silent
    this.#commandTimeoutMs = options.commandTimeoutMs ?? 2000
    this.#callsMax = options.callsMax ?? 10_000
    this.#database = address.database
    const retryMsMax = options.retryMsMax ?? 5000
    const password = options.password ?? address.password
    this.#redis = new Redis({
      host: address.host,
      port: address.port,
      ...(address.username === undefined ? {} : { username: address.username }),
      ...(password === undefined ? {} : { password }),
      ...(address.isTls ? { tls: { ...options.tls } } : {}),
      connectionName: options.name,
      connectTimeout: options.connectTimeoutMs ?? 5000,
      commandTimeout: this.#commandTimeoutMs,
      disconnectTimeout: 0,
      maxLoadingRetryTime: 500,
      // Waiting, and what becomes of calls whose connection is lost, is decided here alone.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      autoResubscribe: false,
      // Half of the pause is by chance, so that many instances do not come back in the same moment.
      retryStrategy: (times) =>
        Math.min(retryMsMin * 2 ** Math.min(times - 1, 20), retryMsMax) * (0.5 + Math.random() / 2),
      // After a fail-over the old address may be a replica's: another connection finds the new master.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    })
    this.#redis.on('error', (error: unknown) => (this.#reason = reasonOf(error)))
    this.#redis.on('ready', () => void this.#prepare())
    this.#redis.on('close', () => this.#lost())
    this.#redis.on('message', (channel: string, message: string) => options.listener?.message(channel, message))
    this.#checkTimer = setInterval(() => void this.#check(), options.checkMs ?? 5000).unref()
  }

  /** The key or channel of this name under the prefix of the installation. */
  key(name: string): string {
    return (this.#options.keyPrefix ?? '') + name
  }

  /** Sends one command. Keys among `args` are sent as they are: `key` makes them. */
  async command(name: string, ...args: readonly RedisArgument[]): Promise<RedisReply> {
    return this.#call(() => this.#redis.call(name, ...args))
  }

  /** Runs a script, by its hash where the server has it still, else whole. All `keys` must have the same hash tag. */
  async run(script: RedisScript, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    const rest = [keys.length, ...keys, ...args]
    try {
      return await this.command('EVALSHA', script.sha, ...rest)
    } catch (error) {
      // Servers forget scripts when they start again; a script that is not there has done nothing.
      if (!(error instanceof Failure) || !messageOf(error.cause).startsWith('NOSCRIPT')) throw error
      return this.command('EVAL', script.lua, ...rest)
    }
  }

  health(): RedisHealth {
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      ...(this.#state === 'away' && this.#reason !== undefined ? { reason: this.#reason } : {}),
      ...(this.#roundTripMs === undefined ? {} : { roundTripMs: this.#roundTripMs }),
      warnings: this.#warnings,
    }
  }

  /** Takes no more calls, waits for those under way (each ends within its timeout), then lets go. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#become('closed')
    clearInterval(this.#checkTimer)
    this.#refuseWaiting(closedFailure())
    if (this.#calls > 0) await new Promise<void>((resolve) => (this.#drained = resolve))
    this.#redis.disconnect()
    this.#dropStream()
  }

  async #call(send: () => Promise<unknown>): Promise<RedisReply> {
    if (this.#state === 'closed') throw closedFailure()
    if (this.#state === 'away') throw this.#unavailable()
    if (this.#calls >= this.#callsMax) {
      throw new Failure('SLUICE_COORDINATION_BUSY', 'Too many calls to Redis are under way.', { retryable: true })
    }
    this.#calls += 1
    try {
      if (this.#state === 'connecting') await this.#untilReady()
      return await this.#send(send)
    } finally {
      this.#calls -= 1
      if (this.#calls === 0) this.#drained?.()
    }
  }

  async #send(send: () => Promise<unknown>): Promise<RedisReply> {
    this.#cork()
    const connection = this.#connection
    try {
      return (await send()) as RedisReply
    } catch (error) {
      const failure = failureFrom(error)
      if (messageOf(error) === 'Command timed out' && connection === this.#connection) this.#giveUp()
      throw failure
    }
  }

  /** Holds back what is written until everybody in this turn had the chance to write. */
  #cork(): void {
    if (this.#isCorked) return
    const { stream } = this.#redis
    this.#isCorked = true
    stream.cork()
    setImmediate(() => {
      this.#isCorked = false
      stream.uncork()
    })
  }

  #untilReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (then: () => void): void => {
        clearTimeout(timer)
        this.#waiting.delete(waiting)
        then()
      }
      const waiting: Waiting = {
        go: () => end(resolve),
        giveUp: (failure) => end(() => reject(failure)),
      }
      const timer = setTimeout(() => waiting.giveUp(this.#unavailable()), this.#commandTimeoutMs)
      this.#waiting.add(waiting)
    })
  }

  #refuseWaiting(failure: Failure): void {
    for (const waiting of [...this.#waiting]) waiting.giveUp(failure)
  }

  /** What must hold before calls are sent: the right database is chosen, and we know how the server is set up. */
  async #prepare(): Promise<void> {
    this.#connection += 1
    const connection = this.#connection
    try {
      // Chosen here, because the client would go on with database 0 when the server refuses this one; and by another name than the
      // client knows, because it would choose what was refused once more by itself, and nobody would catch that.
      if (this.#database !== 0) await this.#redis.call('SELECT', this.#database)
      const warnings = redisWarningsFrom(await this.#setup())
      if (connection !== this.#connection || this.#state === 'closed') return
      this.#noteWarnings(warnings)
      this.#become('ready')
      this.#telemetryOf(redisReady(this.#options.name))
      this.#options.listener?.ready()
      for (const waiting of [...this.#waiting]) waiting.go()
    } catch (error) {
      this.#reason = reasonOf(error)
      if (connection === this.#connection) this.#dropStream()
    }
  }

  /** What the server says of itself; undefined when we may not ask. */
  async #setup(): Promise<string | undefined> {
    try {
      return await this.#redis.info()
    } catch (error) {
      if (isReply(error)) return undefined
      throw error
    }
  }

  #noteWarnings(warnings: readonly RedisWarning[]): void {
    for (const { code, message } of warnings) {
      if (this.#warnings.some((known) => known.code === code)) continue
      this.#telemetryOf(redisWarned(this.#options.name, code, message))
    }
    this.#warnings = warnings
  }

  /** The connection is gone, or a try to get one failed. */
  #lost(): void {
    this.#connection += 1
    if (this.#state === 'closed') return
    if (this.#state === 'ready') {
      this.#reason = undefined
      this.#become('connecting')
      return
    }
    this.#telemetryOf(redisConnectFailed(this.#options.name))
    this.#becomeAway()
  }

  /** The server is silent. */
  #giveUp(): void {
    if (this.#state !== 'ready') return
    this.#reason = `No answer within ${String(this.#commandTimeoutMs)} ms.`
    this.#becomeAway()
    this.#dropStream()
  }

  #becomeAway(): void {
    if (this.#state !== 'away') {
      this.#become('away')
      this.#telemetryOf(redisAway(this.#options.name, this.#reason ?? 'The connection was closed.'))
    }
    this.#refuseWaiting(this.#unavailable())
  }

  #become(state: RedisState): void {
    this.#state = state
    this.#sinceMs = Date.now()
  }

  /** Without a goodbye, which a silent server would not take. Everything under way rejects. */
  #dropStream(): void {
    // The client has none before its first try, whatever its types say.
    const { stream } = this.#redis as { readonly stream: Redis['stream'] | undefined }
    stream?.destroy()
  }

  async #check(): Promise<void> {
    if (this.#state !== 'ready' || this.#isChecking) return
    this.#isChecking = true
    const beganMs = performance.now()
    try {
      await this.command('PING')
      this.#roundTripMs = performance.now() - beganMs
    } catch {
      // A silent server was given up by the call itself.
    } finally {
      this.#isChecking = false
    }
  }

  #unavailable(): Failure {
    const reason = this.#reason === undefined ? '' : ` ${this.#reason}`
    return new Failure('SLUICE_COORDINATION_UNAVAILABLE', `Redis is away.${reason}`, { retryable: true })
  }

  #telemetryOf(event: ReturnType<typeof redisReady>): void {
    event.emit(this.#telemetry)
  }
}

function closedFailure(): Failure {
  return new Failure('SLUICE_COORDINATION_CLOSED', 'The connection to Redis is closed.')
}

/** True when the server answered, and its answer was an error. */
function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Several addresses of one host fail as one error without words of its own. */
function reasonOf(error: unknown): string {
  return messageOf(error) || (codeOf(error) ?? 'The connection failed.')
}

/** Answers that say "not now": the server did nothing, and may do it later or elsewhere. */
const notNow = new Set([
  'LOADING',
  'BUSY',
  'READONLY',
  'MASTERDOWN',
  'MISCONF',
  'NOREPLICAS',
  'CLUSTERDOWN',
  'TRYAGAIN',
])

function failureFrom(error: unknown): Failure {
  const message = messageOf(error)
  if (isReply(error)) {
    // Before version 7 an error within a script comes wrapped: "ERR Error running script (…): @user_script:1: -OOM …".
    const code = /^(?:ERR Error running script.*? -)?([A-Z]+)/.exec(message)?.[1] ?? ''
    if (code === 'OOM') {
      return new Failure('SLUICE_COORDINATION_FULL', 'Redis has no memory left.', { retryable: true, cause: error })
    }
    if (notNow.has(code)) {
      const options = { retryable: true, cause: error }
      return new Failure('SLUICE_COORDINATION_UNAVAILABLE', `Redis cannot do this now: ${message}`, options)
    }
    return new Failure('SLUICE_COORDINATION_REFUSED', `Redis refuses: ${message}`, { cause: error })
  }
  if (message.startsWith("Stream isn't writeable")) {
    const options = { retryable: true, cause: error }
    return new Failure('SLUICE_COORDINATION_UNAVAILABLE', 'The connection to Redis was just lost.', options)
  }
  return new Failure('SLUICE_COORDINATION_UNSURE', 'Redis did not answer; it may have been done.', {
    retryable: true,
    cause: error,
  })
}
