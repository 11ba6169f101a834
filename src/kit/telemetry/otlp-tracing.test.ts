import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { openOtlpTracing } from './otlp-tracing.ts'

interface SentSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly startTimeUnixNano: string
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[]
  readonly status: { readonly code: number; readonly message?: string }
}

/** A collector that keeps what it is sent. */
async function collector(status = 200) {
  const sent: SentSpan[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[]
      }
      for (const { scopeSpans } of body.resourceSpans) for (const { spans } of scopeSpans) sent.push(...spans)
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${String(port)}/v1/traces`,
    sent,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const options = { service: 'sluice-test', sampleRatio: 1, queueSpansMax: 100, exportTimeoutMs: 2000 }
const outside = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('tracing by OTLP', () => {
  it('sends spans of one trace, each under its parent, with times and attributes', async () => {
    const { endpoint, sent, close } = await collector()
    const tracing = openOtlpTracing({ ...options, endpoint })
    const first = tracing.span('door', { parent: outside, startMs: 1_700_000_000_000, attributes: { lane: 'a' } })
    const second = tracing.span('ingestion', { parent: first.traceparent })
    second.end({}, 'broken')
    first.end({ status: 'ok' })
    await tracing.close()
    close()
    const [inner, outer] = sent
    assert.deepEqual([inner?.name, outer?.name], ['ingestion', 'door'])
    assert.deepEqual([outer?.traceId, outer?.parentSpanId], ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'])
    assert.deepEqual([inner?.traceId, inner?.parentSpanId], [outer?.traceId, outer?.spanId])
    assert.equal(outer?.startTimeUnixNano, '1700000000000000000')
    assert.deepEqual(
      outer.attributes.map(({ key }) => key),
      ['lane', 'status'],
    )
    assert.deepEqual([inner?.status.code, inner?.status.message], [2, 'broken'])
  })

  it('begins a trace of its own under a parent that cannot be read', async () => {
    const { endpoint, close } = await collector()
    const tracing = openOtlpTracing({ ...options, endpoint })
    for (const parent of [
      undefined,
      '',
      'x',
      outside.replace('00-', 'ff-'),
      `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`,
    ]) {
      const { traceparent } = tracing.span('door', { parent })
      assert.match(traceparent ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
      assert.notEqual(traceparent?.slice(3, 35), outside.slice(3, 35))
    }
    await tracing.close()
    close()
  })

  it('keeps nothing of a trace that is not sampled, here or by its parent', async () => {
    const { endpoint, sent, close } = await collector()
    const tracing = openOtlpTracing({ ...options, endpoint, sampleRatio: 0 })
    const own = tracing.span('door')
    assert.equal(own.traceparent, undefined)
    own.end()
    const followed = tracing.span('door', { parent: outside })
    assert.notEqual(followed.traceparent, undefined)
    followed.end()
    const ignored = tracing.span('door', { parent: outside.replace(/01$/, '00') })
    assert.equal(ignored.traceparent, undefined)
    ignored.end()
    await tracing.close()
    close()
    assert.equal(sent.length, 1)
  })

  it('stops in time when the collector is away', async () => {
    const tracing = openOtlpTracing({ ...options, endpoint: 'http://127.0.0.1:9/v1/traces', exportTimeoutMs: 300 })
    tracing.span('door').end()
    await tracing.close()
  })
})
