/** A reader follows events through edge and core: what it sees, what it is told when it cannot see all, and when it ends. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { aRunningSluice } from '../harness/installation.ts'
import type { Ending, Installation } from '../harness/installation.ts'

interface Frame {
  readonly id: string
  readonly kind: string
  readonly data: Readonly<Record<string, unknown>>
}

/** One stream, as an EventSource sees it. */
class Stream {
  readonly #asked: ClientRequest
  readonly response: IncomingMessage
  #rest = ''
  readonly frames: Frame[] = []
  lastId = ''
  pings = 0
  isOver = false

  static async open(
    { url, personalKey }: Installation,
    { search = '', key = personalKey, projectId = 1, lastId = '' } = {},
  ): Promise<Stream> {
    const headers = { authorization: `Bearer ${key}`, ...(lastId === '' ? {} : { 'last-event-id': lastId }) }
    const asked = request(`${url}/api/projects/${String(projectId)}/live${search}`, { headers, agent: false })
    asked.on('error', () => undefined)
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    return new Stream(asked, response)
  }

  constructor(asked: ClientRequest, response: IncomingMessage) {
    this.#asked = asked
    this.response = response
    response.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    response.on('error', () => undefined)
    response.on('close', () => {
      this.isOver = true
    })
  }

  #hear(text: string): void {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      const [id, kind, data] = [field('id'), field('event'), field('data')]
      this.lastId = id ?? this.lastId
      if (block.startsWith(': ping')) this.pings++
      if (kind === undefined || data === undefined) continue
      this.frames.push({ id: id ?? '', kind, data: JSON.parse(data) as Readonly<Record<string, unknown>> })
    }
  }

  get events(): readonly unknown[] {
    return this.frames.filter(({ kind }) => kind === 'event').map(({ data }) => data['event'])
  }

  get missed(): number {
    return this.frames.reduce((sum, { kind, data }) => sum + (kind === 'gap' ? Number(data['missed']) : 0), 0)
  }

  leave(): void {
    this.#asked.destroy()
  }
}

const named = (event: string, properties: Readonly<Record<string, unknown>> = {}) => ({
  uuid: randomUUID(),
  event,
  distinct_id: 'ada',
  properties,
})

async function manage(sluice: Installation, method: string, path: string, body?: object): Promise<unknown> {
  const authorization = `Bearer ${sluice.personalKey}`
  const json = { headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const answer = await sluice.send(path, { method, ...(body === undefined ? { headers: { authorization } } : json) })
  assert.ok(answer.status < 300, answer.text)
  return answer.text === '' ? undefined : (JSON.parse(answer.text) as unknown)
}

const settings = {
  SLUICE_LIVE_PING_INTERVAL_MS: '100',
  SLUICE_LIVE_EVENTS_PER_SECOND_MAX: '100000',
  SLUICE_LIVE_DELIVERIES_PER_SECOND_MAX: '1000000',
  SLUICE_LIVE_READERS_MAX: '20',
}

describe('a live stream', () => {
  const endings: (() => Promise<void>)[] = []
  const ending: Ending = { after: (clean) => void endings.push(clean) }
  let sluice: Installation
  let other: { readonly id: number; readonly tokens: readonly string[] }
  const until = (what: string, holds: () => boolean | Promise<boolean>) => sluice.until(what, holds)
  const sendNamed = async (...names: readonly string[]): Promise<void> => {
    const answer = await sluice.capture(names.map((name) => named(name)))
    assert.equal(answer.status, 200, answer.text)
  }

  before(async () => {
    sluice = await aRunningSluice(ending, settings)
    other = (await manage(sluice, 'POST', '/api/projects', { name: 'Other' })) as typeof other
  })
  after(async () => {
    for (const clean of endings) await clean()
  })

  it('has each acknowledged event as it was sent, and nothing that was refused or is the health check’s own', async () => {
    const stream = await Stream.open(sluice)
    const { statusCode, headers } = stream.response
    assert.deepEqual([statusCode, headers['content-type']], [200, 'text/event-stream; charset=utf-8'])
    assert.deepEqual([headers['cache-control'], headers['x-accel-buffering']], ['no-store', 'no'])
    await until('the stream to be open', () => stream.frames.length === 1)
    assert.equal(stream.frames[0]?.kind, 'open')
    const sent = { ...named('größer 😀', { a: [1, 'é"\n'] }), timestamp: '2026-03-10T12:00:00.123Z' }
    const answer = await sluice.capture([{ ...named('x'.repeat(300)) }, sent], '?receipts=1')
    assert.equal(answer.status, 200, answer.text)
    await until('the event', () => stream.events.length > 0)
    const { properties, accepted_at, ...event } = stream.frames[1]?.data ?? {}
    const { properties: _, ...plain } = sent
    assert.deepEqual(event, plain)
    assert.deepEqual((properties as typeof sent.properties)['a'], sent.properties['a'])
    assert.match(String(accepted_at), /Z$/)
    // The health check sends some every second.
    await until('canaries to have come through', async () => {
      const { text } = await sluice.send('/metrics')
      return /^sluice_health_canaries_arrived_total\S* [1-9]/m.test(text)
    })
    assert.equal(stream.events.length, 1)
    stream.leave()
  })

  it('has what its filter wants', async () => {
    const byName = await Stream.open(sluice, { search: '?event=wanted%20%22one%22&distinct_id=&last_id=' })
    const byUser = await Stream.open(sluice, { search: '?distinct_id=eve' })
    await sendNamed('wanted "one"', 'wanted')
    await sluice.capture([{ ...named('of eve'), distinct_id: 'eve' }])
    await until('the events', () => byName.events.length === 1 && byUser.events.length === 1)
    assert.deepEqual([byName.events, byUser.events], [['wanted "one"'], ['of eve']])
    byName.leave()
    byUser.leave()
  })

  it('has no other project’s events, and is only for who may read the project', async () => {
    const own = await Stream.open(sluice)
    const others = await Stream.open(sluice, { projectId: other.id })
    await sluice.send('/batch/', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ api_key: other.tokens[0], batch: [named('foreign')] }),
    })
    await sendNamed('own')
    await until('both events', () => own.events.length > 0 && others.events.length > 0)
    assert.deepEqual([own.events, others.events], [['own'], ['foreign']])
    own.leave()
    others.leave()
    assert.equal((await Stream.open(sluice, { projectId: 4711 })).response.statusCode, 404)
    assert.equal((await Stream.open(sluice, { key: 'phx_nobody' })).response.statusCode, 401)
    assert.equal((await Stream.open(sluice, { search: '?evnt=x' })).response.statusCode, 400)
  })

  it('goes on where an earlier one broke off', async () => {
    const first = await Stream.open(sluice)
    await sendNamed('before')
    await until('the first event', () => first.events.length === 1)
    first.leave()
    await sendNamed('meanwhile 1', 'meanwhile 2')
    const back = await Stream.open(sluice, { lastId: first.lastId })
    await sendNamed('after')
    await until('the last event', () => back.events.includes('after'))
    assert.deepEqual(back.events, ['meanwhile 1', 'meanwhile 2', 'after'])
    back.leave()
  })

  it('tells a reader that takes nothing for a while how much it missed, and holds up nobody', async () => {
    const slow = await Stream.open(sluice)
    const quick = await Stream.open(sluice)
    await until('both to be open', () => slow.frames.length + quick.frames.length === 2)
    slow.response.pause()
    const text = 'x'.repeat(8000)
    let sent = 0
    let leftOut = false
    // Until all buffers on the way are full: the kernel's, the edge's and the core's.
    while (!leftOut) {
      const batch = Array.from({ length: 25 }, () => named(`load ${String(sent++)}`, { text }))
      assert.equal((await sluice.capture(batch)).status, 200)
      // So that no more waits for it than may.
      const wanted = sent
      await until('the quick reader to have all', () => quick.events.length === wanted)
      const metrics = (await sluice.send('/metrics')).text
      leftOut = /^sluice_live_events_left_out_total\{[^}]*slow_reader[^}]*\} [1-9]/m.test(metrics)
      assert.ok(sent < 40_000, 'a reader that takes nothing never had anything left out')
    }
    slow.response.resume()
    await until('the slow reader to know of all', () => slow.events.length + slow.missed === sent)
    assert.ok(slow.frames.some(({ data }) => data['reason'] === 'slow_reader'))
    assert.equal(slow.events.at(-1), `load ${String(sent - 1)}`)
    slow.leave()
    quick.leave()
  })

  it('is refused when there are as many as there may be', async () => {
    const streams: Stream[] = []
    await until('all places to be taken', async () => {
      const stream = await Stream.open(sluice)
      if (stream.response.statusCode === 200) streams.push(stream)
      else assert.deepEqual([stream.response.statusCode, stream.response.headers['retry-after']], [503, '5'])
      return stream.response.statusCode === 503
    })
    assert.equal(streams.length, 20)
    for (const stream of streams) stream.leave()
    await until('a place to be free', async () => {
      const stream = await Stream.open(sluice)
      stream.leave()
      return stream.response.statusCode === 200
    })
  })

  it('says that it is alive, and ends when its key is revoked', async () => {
    const made = (await manage(sluice, 'POST', '/api/keys', { label: 'live', scopes: ['read'] })) as {
      readonly id: string
      readonly key: string
    }
    const stream = await Stream.open(sluice, { key: made.key })
    await until('some pings', () => stream.pings > 5)
    assert.equal(stream.isOver, false)
    await manage(sluice, 'DELETE', `/api/keys/${made.id}`)
    await until('the end', () => stream.isOver)
  })

  it('breaks off when the core dies; the next one says so and shows what comes then', async () => {
    const stream = await Stream.open(sluice)
    await sendNamed('before the crash')
    await until('the event', () => stream.events.length === 1)
    await sluice.kill('core')
    await until('the end', () => stream.isOver)
    await sendNamed('while the core is away')
    const back = await sluice.until('another stream', async () => {
      const tried = await Stream.open(sluice, { lastId: stream.lastId })
      return tried.response.statusCode === 200 ? tried : undefined
    })
    await sendNamed('after the crash')
    await until('the event after', () => back.events.includes('after the crash'))
    const [, gap] = back.frames
    assert.deepEqual([gap?.kind, gap?.data], ['gap', { missed: null, reason: 'restarted' }])
    back.leave()
  })

  it('holds up no stop', async () => {
    const stream = await Stream.open(sluice)
    assert.equal(await sluice.stop(), 0)
    await until('the end', () => stream.isOver)
    assert.equal(sluice.logged('A process took too long to stop and is killed.').length, 0)
  })
})
