/**
 * Clients of an installation under test: each sends batch after batch over a kept-alive connection, sends the very same body
 * again when the connection breaks or a 5xx comes, and notes in the ledger what was promised.
 *
 * Everything about an event follows from the seed and its number. A client has users of its own and one request at a
 * time, so that the order of a user's events is the order in which they were sent.
 *
 * Kinds of requests: mostly good batches, plain or gzip; batches with a bad event among good ones; batches of bad
 * events; batches that were acknowledged before; and batches of an impatient client that hangs up and never asks again.
 */
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import assert from 'node:assert/strict'
import { uuidV5 } from '../../src/event/uuid.ts'
import type { Answer } from './http-client.ts'
import { send } from './http-client.ts'
import type { Promised, SentEvent } from './ledger.ts'
import { Ledger } from './ledger.ts'
import type { Chance } from './seed.ts'
import { chanceOf } from './seed.ts'

/** Where events are taken. Each try of a request goes to any of the addresses. */
export interface Door {
  readonly token: string
  readonly urls: readonly string[]
  until<T>(what: string, condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T>
}

export interface LoadOptions {
  readonly seed: number
  readonly promised?: Promised
  /** Where an earlier load of the same installation wrote; the clients of this one then have users of their own. */
  readonly ledger?: Ledger
  readonly clients?: number
  /** Longest pause of a client between two requests. */
  readonly pauseMsMax?: number
  readonly eventsPerBatchMax?: number
}

export interface Load {
  readonly ledger: Ledger
  /** Throws when a client got no answer for too long, or a wrong one. */
  check(): void
  /** Resolves once so many events more have been acknowledged. */
  more(events: number): Promise<void>
  /** Lets every client finish its request, be it by sending it again. */
  stop(): Promise<Ledger>
}

const usersPerClient = 5
const namespace = [0, 0, 0, 0] as const
const retryPauseMs = { min: 10, max: 100 }
/** A client that gets no answer for so long has found a fault that does not go away. */
const patienceMs = 60_000

export function startLoad(door: Door, options: LoadOptions): Load {
  const { clients = 4, ledger = new Ledger(options.promised) } = options
  const round = ledger.entries.size
  const stopping = new AbortController()
  let failure: Error | undefined
  const running = Array.from({ length: clients }, (_, number) =>
    new Client(
      door,
      ledger,
      `client-${String(number)}-from-${String(round)}`,
      chanceOf(options.seed + round + number),
      options,
    )
      .run(stopping.signal)
      .catch((error: unknown) => {
        failure ??= error instanceof Error ? error : new Error('a client failed', { cause: error })
        stopping.abort()
      }),
  )
  const check = (): void => {
    if (failure !== undefined) throw failure
  }
  return {
    ledger,
    check,
    async more(events) {
      const goal = ledger.acknowledged + events
      await door.until(`${String(events)} more acknowledged events`, () => {
        check()
        return ledger.acknowledged >= goal
      })
    },
    async stop() {
      stopping.abort()
      await Promise.all(running)
      ledger.resting()
      check()
      return ledger
    },
  }
}

interface Batch {
  readonly events: readonly SentEvent[]
  readonly body: Buffer
  readonly gzip: boolean
}

class Client {
  readonly #door: Door
  readonly #ledger: Ledger
  readonly #name: string
  readonly #chance: Chance
  readonly #pauseMsMax: number
  readonly #eventsPerBatchMax: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  #acknowledged: Batch | undefined
  #events = 0
  #strangers = 0

  constructor(door: Door, ledger: Ledger, name: string, chance: Chance, options: LoadOptions) {
    this.#door = door
    this.#ledger = ledger
    this.#name = name
    this.#chance = chance
    this.#pauseMsMax = options.pauseMsMax ?? 20
    this.#eventsPerBatchMax = options.eventsPerBatchMax ?? 25
  }

  async run(stop: AbortSignal): Promise<void> {
    try {
      while (!stop.aborted) {
        await this.#oneRequest()
        await sleep(this.#chance.next() * this.#pauseMsMax)
      }
    } finally {
      this.#agent.destroy()
    }
  }

  async #oneRequest(): Promise<void> {
    const dice = this.#chance.next()
    if (dice < 0.03) await this.#sendImpatiently()
    else if (dice < 0.06) await this.#sendOnlyBad()
    else if (dice < 0.12 && this.#acknowledged !== undefined) await this.#sendAgain(this.#acknowledged)
    else await this.#sendGood(dice > 0.92)
  }

  async #sendGood(withBadOne: boolean): Promise<void> {
    const events = this.#someEvents(() => this.#oneOfTheUsers())
    if (withBadOne) events.splice(this.#chance.between(0, events.length), 0, this.#badEvent())
    const batch = this.#batchOf(events)
    const answer = await this.#deliver(batch)
    assert.equal(answer.status, 200, answer.text)
    this.#ledger.answered(events, answer)
    this.#acknowledged = batch
  }

  async #sendOnlyBad(): Promise<void> {
    const events = [this.#badEvent(), this.#badEvent()]
    const answer = await this.#deliver(this.#batchOf(events))
    assert.equal(answer.status, 400, answer.text)
    this.#ledger.answered(events, answer)
  }

  /** The ledger fails when an event has another place than before. */
  async #sendAgain(batch: Batch): Promise<void> {
    const answer = await this.#deliver(batch)
    assert.equal(answer.status, 200, answer.text)
    this.#ledger.answered(batch.events, answer)
    this.#ledger.repeats++
  }

  async #sendImpatiently(): Promise<void> {
    const stranger = `${this.#name}-stranger-${String(this.#strangers++)}`
    const events = this.#someEvents(() => stranger)
    const batch = this.#batchOf(events)
    for (const event of events) this.#ledger.sending(event)
    await this.#send(batch, AbortSignal.timeout(this.#chance.between(1, 5))).then(
      (answer) => {
        if (answer.status < 500) this.#ledger.answered(events, answer)
      },
      // Nobody knows what became of it.
      () => undefined,
    )
  }

  /** Sends until there is an answer that says something about the events. */
  async #deliver(batch: Batch): Promise<Answer> {
    for (const event of batch.events) if (!this.#ledger.entries.has(event.uuid)) this.#ledger.sending(event)
    const sinceMs = performance.now()
    while (true) {
      try {
        const answer = await this.#send(batch)
        if (answer.status < 500) {
          this.#ledger.waitedMsMax = Math.max(this.#ledger.waitedMsMax, performance.now() - sinceMs)
          return answer
        }
        assert.equal(answer.status, 503, answer.text)
      } catch (error) {
        if (error instanceof assert.AssertionError || performance.now() - sinceMs > patienceMs) throw error
      }
      this.#ledger.faults++
      assert.ok(performance.now() - sinceMs < patienceMs, `no answer for ${String(patienceMs)} ms`)
      await sleep(this.#chance.between(retryPauseMs.min, retryPauseMs.max))
      this.#ledger.retries++
    }
  }

  #send({ body, gzip }: Batch, signal?: AbortSignal): Promise<Answer> {
    const headers: Record<string, string> = { 'content-type': 'application/json' }
    if (gzip) headers['content-encoding'] = 'gzip'
    const question = { method: 'POST', headers, body, agent: this.#agent }
    const { urls } = this.#door
    const url = `${urls.length === 1 ? String(urls[0]) : this.#chance.oneOf(urls)}/batch/?receipts=1`
    return send(url, signal === undefined ? question : { ...question, signal })
  }

  #batchOf(events: readonly SentEvent[]): Batch {
    const text = JSON.stringify({ api_key: this.#door.token, batch: events })
    const gzip = this.#chance.next() < 0.3
    return { events, body: gzip ? gzipSync(text) : Buffer.from(text), gzip }
  }

  #someEvents(user: () => string): SentEvent[] {
    return Array.from({ length: this.#chance.between(1, this.#eventsPerBatchMax) }, () => this.#event(user()))
  }

  #oneOfTheUsers(): string {
    return `${this.#name}-user-${String(this.#chance.between(1, usersPerClient))}`
  }

  #event(user: string): SentEvent {
    const chance = this.#chance
    const number = this.#events++
    return {
      // Not by chance: two clients whose seeds lie near each other on the way of the generator would draw the same ids.
      uuid: uuidV5(namespace, `event ${String(number)} of ${this.#name}, seed ${String(chance.seed)}`),
      event: chance.oneOf(['page viewed', 'button pressed', 'größer als 😀']),
      distinct_id: user,
      timestamp: new Date(Date.UTC(2026, 0, 1) + number * 1001).toISOString(),
      properties: {
        $ip: '192.0.2.1',
        number,
        share: chance.next(),
        text: textFrom(chance),
        nested: { list: [number, null, true, 'é"\\\n'], empty: {} },
      },
    }
  }

  /** Good but for the name, which is too long. */
  #badEvent(): SentEvent {
    return { ...this.#event(`${this.#name}-bad`), event: 'x'.repeat(201) }
  }
}

function textFrom(chance: Chance): string {
  const alphabet = 'abc xyz ÄÖÜ 漢字 😀 "\\ \t'
  return Array.from({ length: chance.between(0, 200) }, () => alphabet.charAt(chance.between(0, alphabet.length - 1)))
    .join('')
    .toWellFormed()
}
