/**
 * One installation seen from outside: a collector of traces, a reader of topics, and somebody who sends values of a hundred kilobytes
 * and wants them back as they were.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { send } from '../harness/http-client.ts'
import { aRunningSluice } from '../harness/installation.ts'
import type { Installation } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

interface SentSpan {
  readonly service: string
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
const spans: SentSpan[] = []
let collector: Server
let installation: Installation
const cleanings: (() => unknown)[] = []

before(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      collect(JSON.parse(Buffer.concat(chunks).toString()) as Exported)
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const { port } = collector.address() as AddressInfo
  installation = await aRunningSluice(
    // After the tests, not after this hook.
    { after: (clean) => void cleanings.push(clean) },
    {
      SLUICE_TRACING_ENDPOINT: `http://127.0.0.1:${String(port)}/v1/traces`,
      // Only requests that bring a trace: canaries would fill the list.
      SLUICE_TRACING_SAMPLE_PERCENT: '0',
    },
  )
})
after(async () => {
  for (const clean of cleanings.reverse()) await clean()
  collector.closeAllConnections()
  collector.close()
})

interface Exported {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[]
    }
    readonly scopeSpans: readonly { readonly spans: readonly Omit<SentSpan, 'service'>[] }[]
  }[]
}

function collect({ resourceSpans }: Exported): void {
  for (const { resource, scopeSpans } of resourceSpans) {
    const service = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? ''
    for (const { spans: own } of scopeSpans) for (const span of own) spans.push({ ...span, service })
  }
}

describe('a request that brings a trace', () => {
  it('is followed through every stage to the table', async () => {
    const body = JSON.stringify({
      api_key: installation.token,
      event: 'traced',
      distinct_id: 'ada',
      uuid: randomUUID(),
    })
    const headers = { 'content-type': 'application/json', traceparent: `00-${traceId}-b7ad6b7169203331-01` }
    const { status } = await send(`${installation.url}/e/`, { method: 'POST', headers, body })
    assert.equal(status, 200)
    await until('all spans to be there', () => Promise.resolve(spans.length >= 5))
    assert.ok(spans.every((span) => span.traceId === traceId))
    const named = new Map(spans.map((span) => [span.name, span]))
    assert.deepEqual([...named].map(([name, { service }]) => `${service}: ${name}`).sort(), [
      'sluice-core: ingestion',
      'sluice-core: warehousing',
      'sluice-edge: POST /e/',
      'sluice-edge: admission',
      'sluice-edge: intake',
    ])
    const parentOf = (name: string) => spans.find(({ spanId }) => spanId === named.get(name)?.parentSpanId)?.name
    assert.equal(named.get('POST /e/')?.parentSpanId, 'b7ad6b7169203331')
    assert.deepEqual(['admission', 'intake', 'ingestion', 'warehousing'].map(parentOf), [
      'POST /e/',
      'admission',
      'intake',
      'intake',
    ])
  })

  it('is alone in that: others are followed as often as the setting says', async () => {
    const before = spans.length
    await installation.capture([{ event: 'untraced', distinct_id: 'ada', uuid: randomUUID() }])
    await installation.settled()
    assert.equal(spans.length, before)
  })
})

describe('a reader of topics', () => {
  it('finds key, headers and envelope of an event', async () => {
    const uuid = randomUUID()
    await installation.capture([
      {
        event: 'read elsewhere',
        distinct_id: 'eve',
        uuid,
        properties: { plan: 'team' },
        timestamp: '2026-03-10T11:00:00Z',
      },
    ])
    const { code, out } = await installation.run(['messages', '--lane', 'events_plugin_ingestion'])
    assert.equal(code, 0)
    const messages = out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { key: string; headers: Record<string, string | null>; value: string })
    const message = messages.find(({ headers }) => headers['uuid'] === uuid)
    assert.ok(message)
    assert.equal(message.key, `${installation.token}:eve`)
    assert.equal(message.headers['timestamp'], String(Date.UTC(2026, 2, 10, 11)))
    const value = JSON.parse(message.value) as Record<string, unknown>
    assert.deepEqual(Object.keys(value), ['uuid', 'distinct_id', 'ip', 'data', 'now', 'token', 'event', 'timestamp'])
    const data = JSON.parse(String(value['data'])) as Record<string, unknown>
    assert.deepEqual(data['properties'], { plan: 'team' })
  })

  it('is told what is wrong with a call', async () => {
    for (const [words, problem] of [
      [['--lane', 'event_plugin_ingestion'], /Did you mean "events_plugin_ingestion"/],
      [['--from', 'x'], /--from needs a whole number/],
      [['--partition', '16'], /has the partitions 0 to 15/],
      [['--what'], /Unknown option/],
    ] as const) {
      const { code, err } = await installation.run(['messages', ...words])
      assert.equal(code, 2)
      assert.match(err, problem)
    }
  })
})

describe('large values (C13)', () => {
  for (const [encoding, isGzip] of [
    ['plain', false],
    ['gzip', true],
  ] as const) {
    it(`are kept compressed and come back as they were, sent as ${encoding}`, async () => {
      const stack = `Fehler: é 😀 \\ " \n at line ${'checkout '.repeat(12_000)}`
      const uuid = randomUUID()
      const body = Buffer.from(
        JSON.stringify({
          api_key: installation.token,
          batch: [{ event: 'large', distinct_id: 'ada', uuid, properties: { stack, encoding } }],
        }),
      )
      const { status } = await send(`${installation.url}/batch/`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(isGzip ? { 'content-encoding': 'gzip' } : {}) },
        body: isGzip ? gzipSync(body) : body,
      })
      assert.equal(status, 200)
      await installation.settled()
      const { rows } = await installation.ask(`SELECT properties FROM events WHERE uuid = '${uuid}'`)
      const properties = JSON.parse(String(rows[0]?.[0])) as Record<string, unknown>
      assert.equal(properties['stack'], stack)
    })
  }

  it('stand nowhere in the journal in clear', async () => {
    const folder = join(installation.dataFolder, 'edge/journal')
    const segments = (await readdir(folder)).filter((name) => name.endsWith('.seg'))
    assert.ok(segments.length > 0)
    for (const segment of segments) {
      assert.equal((await readFile(join(folder, segment))).includes('checkout checkout checkout checkout'), false)
    }
  })
})
