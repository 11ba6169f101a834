import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { createGzip, gzipSync } from 'node:zlib'
import type { Answer } from '../harness/http-client.ts'
import type { Installation } from '../harness/installation.ts'
import { aRunningSluice } from '../harness/installation.ts'
import { assertVerified } from '../harness/oracle.ts'
import { sendRaw } from '../harness/raw-request.ts'

const MiB = 1024 * 1024
const json = { 'content-type': 'application/json' }

describe('bad input', () => {
  const cleanings: (() => Promise<void>)[] = []
  let sluice: Installation
  before(async () => {
    sluice = await aRunningSluice(
      { after: (clean) => void cleanings.push(clean) },
      { SLUICE_CAPTURE_HEADERS_TIMEOUT_MS: '1000', SLUICE_CAPTURE_BODY_TIMEOUT_MS: '6000' },
    )
  })
  after(async () => {
    for (const clean of cleanings) await clean()
  })

  /** What of `good` was acknowledged: all of it must be there in the end. */
  const good = new Set<string>()
  const aGood = (distinctId: string): string => {
    good.add(distinctId)
    return JSON.stringify({ event: 'good', distinct_id: distinctId })
  }
  const batchOf = (...events: readonly string[]): string =>
    `{"api_key":${JSON.stringify(sluice.token)},"batch":[${events.join(',')}]}`
  const post = (body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Answer> =>
    sluice.send('/batch/', { method: 'POST', headers: { ...json, ...headers }, body })
  const rowsOf = async (distinctId: string): Promise<readonly (readonly unknown[])[]> => {
    await sluice.settled()
    const { rows } = await sluice.ask(
      'SELECT event, properties FROM events WHERE distinct_id = {id:String} ORDER BY event',
      { id: distinctId },
    )
    return rows
  }

  async function assertRefused(body: string | Buffer, status: number, text: RegExp, headers = {}): Promise<void> {
    const answer = await post(body, headers)
    assert.equal(answer.status, status, answer.text)
    assert.match(answer.text, text)
  }

  /** The bad event alone is refused with the status; among good ones it is left out and they are stored. */
  async function assertOnlyItIsRefused(event: string, status: number, text: RegExp): Promise<void> {
    await assertRefused(batchOf(event), status, text)
    const name = `beside ${String(text)}`
    const answer = await post(batchOf(aGood(`before ${name}`), event, aGood(`after ${name}`)))
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.headers['sluice-verdicts'], 'stored=2, refused=1')
  }

  it('that is no JSON is refused, with the place where it ends to be', async () => {
    await assertRefused('{"api_key":', 400, /^failed to parse request: .*byte 11/)
    await assertRefused(batchOf('{"event":'), 400, /^failed to parse request: /)
    await assertRefused('null', 400, /^failed to parse request: /)
  })

  it('that holds nothing is refused', async () => {
    await assertRefused('', 400, /^request missing data payload$/)
    await assertRefused('[]', 400, /no event/)
    await assertRefused(batchOf(), 400, /no event/)
  })

  it('without a project token, or with a key that is none, is refused', async () => {
    await assertRefused('{"event":"a","distinct_id":"b"}', 401, /without an api_key/)
    await assertRefused('{"api_key":"phx_1234","event":"a","distinct_id":"b"}', 401, /personal_api_key/)
  })

  it('of 3 MB in one event costs that event alone', async () => {
    const event = JSON.stringify({ event: 'big', distinct_id: 'big', properties: { text: 'x'.repeat(3_000_000) } })
    await assertOnlyItIsRefused(event, 413, /event of 3000\d+ bytes, at most 2000000/)
  })

  it('of 100,000 keys in one event costs that event alone', async () => {
    const keys = Object.fromEntries(Array.from({ length: 100_000 }, (_, number) => [String(number), number]))
    const event = JSON.stringify({ event: 'keys', distinct_id: 'keys', properties: keys })
    await assertOnlyItIsRefused(event, 400, /more than 10000 keys/)
  })

  it('with an event name of 201 characters costs that event alone', async () => {
    const event = JSON.stringify({ event: 'n'.repeat(201), distinct_id: 'name' })
    await assertOnlyItIsRefused(event, 400, /name of more than 200 characters/)
  })

  it('nested 100,000 deep is refused', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    await assertRefused(batchOf(`{"event":"deep","distinct_id":"deep","properties":{"list":${deep}}}`), 400, /nesting/)
  })

  it('that is no UTF-8 or no gzip is refused', async () => {
    const [before, behind] = batchOf('{"event":"a","distinct_id":"?"}').split('?')
    const broken = Buffer.concat([Buffer.from(before ?? ''), Buffer.from([0xff, 0xfe]), Buffer.from(behind ?? '')])
    await assertRefused(broken, 400, /invalid UTF8/)
    await assertRefused(gzipSync(broken), 400, /invalid gzip data/)
    await assertRefused(gzipSync('{}').subarray(0, 12), 400, /invalid GZIP data/)
  })

  it('of 200 MB in a gzip of 200 kB is refused without the memory for it', async () => {
    const zeros = Readable.from(Array.from({ length: 200 }, () => Buffer.alloc(MiB)))
    const bomb = await buffer(zeros.pipe(createGzip()))
    assert.ok(bomb.length < 300_000)
    const beforeBytes = peakMemoryBytes(sluice)
    // Each of another client: of one alone nothing more would be inflated after the first.
    const refused = (_: unknown, n: number): Promise<void> =>
      assertRefused(bomb, 413, /larger than \d+ bytes/, {
        'content-encoding': 'gzip',
        'x-forwarded-for': `203.0.113.${String(n)}`,
      })
    await Promise.all(Array.from({ length: 16 }, refused))
    // All of them at once would take 1,600 MiB for what is allowed alone.
    const grownBytes = peakMemoryBytes(sluice) - beforeBytes
    assert.ok(grownBytes < 512 * MiB, `the edge grew by ${String(Math.round(grownBytes / MiB))} MiB`)
  })

  it('beyond the size of a request is refused, whether its size is announced or comes in chunks without end', async () => {
    const beforeBytes = peakMemoryBytes(sluice)
    await assertRefused(Buffer.alloc(21 * MiB, 'x'), 413, /larger than 20971520 bytes/)
    await assertRefused(Buffer.alloc(45 * MiB, 'x'), 413, /larger than 20971520 bytes/)
    const answer = await sendRaw({ url: sluice.url, pieces: endlessChunks() })
    assert.match(answer, /^HTTP\/1\.1 413 /)
    assert.match(answer, /larger than 20971520 bytes$/)
    assert.ok(peakMemoryBytes(sluice) - beforeBytes < 256 * MiB)
  })

  it('that comes too slowly is cut off with 408', async () => {
    const head = 'POST /batch/ HTTP/1.1\r\nhost: sluice\r\n'
    const slowHeaders = sendRaw({ url: sluice.url, pieces: endless(`${head}slow: `), pauseMs: 20 })
    const slowBody = sendRaw({
      url: sluice.url,
      pieces: endless(`${head}content-length: 1000000\r\n\r\n`),
      pauseMs: 20,
    })
    const alive = await post(batchOf(aGood('while others are slow')))
    assert.equal(alive.status, 200)
    assert.match(await slowHeaders, /^HTTP\/1\.1 408 /)
    assert.match(await slowBody, /^HTTP\/1\.1 408 /)
  })

  it('at a path or with a method that is not there is answered 404 and 405', async () => {
    assert.equal((await sluice.send('/nothing/here')).status, 404)
    assert.equal((await sluice.send('/batch/below', { method: 'POST', body: '{}' })).status, 404)
    assert.equal((await sluice.send('/internal/status')).status, 404)
    const put = await sluice.send('/batch/', { method: 'PUT', headers: json, body: batchOf(aGood('put')) })
    good.delete('put')
    assert.equal(put.status, 405)
    assert.match(String(put.headers.allow), /\bPOST\b/)
    assert.match(await sendRaw({ url: sluice.url, pieces: ['this is not HTTP\r\n\r\n'] }), /^HTTP\/1\.1 400 /)
  })

  it('in keys such as __proto__ is data like any other', async () => {
    const properties = '{"$ip":null,"__proto__":{"x":1},"constructor":{"prototype":{"x":2}},"in":{"__proto__":{"x":3}}}'
    const answer = await post(
      batchOf(`{"event":"proto","distinct_id":"proto","__proto__":{"x":4},"properties":${properties}}`),
    )
    assert.equal(answer.status, 200, answer.text)
    assert.deepEqual(await rowsOf('proto'), [['proto', properties]])
    assert.equal((await post(batchOf('{"event":"plain","distinct_id":"plain","properties":{"$ip":null}}'))).status, 200)
    assert.deepEqual(await rowsOf('plain'), [['plain', '{"$ip":null}']], 'nothing was added to every object')
  })

  it('in characters that stores refuse becomes a row with replacements', async () => {
    const event = String.raw`{"event":"nu\u0000l","distinct_id":"n\u0000l","properties":{"$ip":null,"a\u0000":"\u0000","b":"\ud800","c\udc00":"x\ud83d\ude00y"}}`
    assert.equal((await post(batchOf(event))).status, 200)
    assert.deepEqual(await rowsOf('n\ufffdl'), [
      ['nu\ufffdl', '{"$ip":null,"a\ufffd":"\ufffd","b":"\ufffd","c\ufffd":"x😀y"}'],
    ])
  })

  it('in numbers beyond every range becomes null, as in every JSON that a script writes', async () => {
    const event =
      '{"event":"numbers","distinct_id":"numbers","properties":{"$ip":null,"a":1e999,"b":-1e999,"c":1e-999}}'
    assert.equal((await post(batchOf(event))).status, 200)
    assert.deepEqual(await rowsOf('numbers'), [['numbers', '{"$ip":null,"a":null,"b":null,"c":0}']])
  })

  it('in a distinct id of 500 characters is cut to 200', async () => {
    assert.equal((await post(batchOf(JSON.stringify({ event: 'long', distinct_id: 'i'.repeat(500) })))).status, 200)
    assert.equal((await rowsOf('i'.repeat(200))).length, 1)
  })

  it('in timestamps of a thousand different months stops no insert', async () => {
    const events = Array.from({ length: 1000 }, (_, number) =>
      JSON.stringify({
        event: 'month',
        distinct_id: `month ${String(number % 7)}`,
        timestamp: new Date(Date.UTC(2026, -number, 3)).toISOString(),
      }),
    )
    assert.equal((await post(batchOf(...events))).status, 200)
    await sluice.settled()
    const { rows } = await sluice.ask(
      "SELECT count(), uniqExact(toYYYYMM(timestamp)), min(toYear(timestamp)) FROM events WHERE event = 'month'",
    )
    assert.deepEqual(rows[0]?.map(Number), [1000, 1000, 1942])
  })

  it('costs no good event: all that were acknowledged are there, once', async () => {
    await sluice.settled()
    const { rows } = await sluice.ask("SELECT distinct_id FROM events WHERE event = 'good' ORDER BY distinct_id")
    assert.deepEqual(
      rows.map(([distinctId]) => distinctId),
      [...good].sort(),
    )
    await assertVerified(sluice, good.size)
    for (const role of ['edge', 'core', 'postgres'] as const) assert.equal(sluice.restarts(role), 0, `${role} died`)
  })
})

function peakMemoryBytes(sluice: Installation): number {
  const status = readFileSync(`/proc/${String(sluice.process('edge')?.pid)}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

function* endless(beginning: string): Generator<string> {
  yield beginning
  while (true) yield 'x'
}

function* endlessChunks(): Generator<string | Buffer> {
  yield 'POST /batch/ HTTP/1.1\r\nhost: sluice\r\ntransfer-encoding: chunked\r\n\r\n'
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MiB, 'x'), Buffer.from('\r\n')])
  while (true) yield chunk
}
