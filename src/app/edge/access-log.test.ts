import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { silent } from '../../kit/telemetry/telemetry.ts'
import type { LogFields } from '../../kit/telemetry/telemetry.ts'
import { createAccessLog, shownTarget } from './access-log.ts'
import type { AccessLogSettings } from './access-log.ts'
import { EdgeRequest, EdgeResponse } from './exchange.ts'

function logged(settings: Partial<AccessLogSettings> = {}) {
  const lines: { readonly message: string; readonly fields: LogFields }[] = []
  const clock = { ms: 0 }
  const log = createAccessLog(
    { accessLog: 'all', accessLogLinesPerSecondMax: 100, ...settings },
    {
      telemetry: { ...silent, log: (_, message, fields = {}) => lines.push({ message, fields }) },
      nowMs: () => clock.ms,
    },
  )
  return { log, lines, clock }
}

function anAnswer(status: number, headers: readonly string[] = [], url = '/e'): EdgeResponse {
  const request = new EdgeRequest(new Socket())
  Object.assign(request, { method: 'POST', url })
  const response = new EdgeResponse(request)
  response.req.clientIp = '203.0.113.9'
  response.writeHead(status, [...headers])
  return response
}

describe('the access log', () => {
  it('says of a request what it was, what became of it, and whose it was', () => {
    const { log, lines } = logged()
    const response = anAnswer(200, ['sluice-verdicts', 'stored=3', 'content-length', '15'], '/batch/?compression=gzip')
    response.req.headers['content-length'] = '1234'
    response.req.headers['x-request-id'] = 'abc-1'
    response.req.token = 'secretsecret'
    log.ended(response)
    const { durationMs, ...fields } = lines[0]?.fields ?? {}
    assert.equal(typeof durationMs, 'number')
    assert.deepEqual(fields, {
      method: 'POST',
      path: '/batch/?compression=gzip',
      status: 200,
      bytesIn: 1234,
      bytesOut: 15,
      client: '203.0.113.9',
      requestId: 'abc-1',
      verdicts: 'stored=3',
      token: 'secretse',
    })
  })

  it('makes an id for a request that has none, or one that is none', () => {
    const { log, lines } = logged()
    for (const id of [undefined, 'two\nlines', 'x'.repeat(200)]) {
      const response = anAnswer(200)
      if (id !== undefined) response.req.headers['x-request-id'] = id
      log.ended(response)
    }
    const ids = lines.map(({ fields }) => String(fields['requestId']))
    assert.equal(new Set(ids).size, 3)
    for (const id of ids) assert.match(id, /^[\w-]{8}-\w+$/)
  })

  it('is silent when it is off, and about what went well unless all is asked for', () => {
    const off = logged({ accessLog: 'off' })
    off.log.ended(anAnswer(500))
    assert.deepEqual(off.lines, [])
    const refused = logged({ accessLog: 'refused' })
    for (const status of [200, 204, 304, 400, 401, 429, 503]) refused.log.ended(anAnswer(status))
    assert.deepEqual(
      refused.lines.map(({ fields }) => fields['status']),
      [400, 401, 429, 503],
    )
    refused.log.set({ accessLog: 'all', accessLogLinesPerSecondMax: 100 })
    refused.log.ended(anAnswer(200))
    assert.equal(refused.lines.length, 5)
  })

  it('notes a client that went away before its answer', () => {
    const { log, lines } = logged({ accessLog: 'refused' })
    log.ended(new EdgeResponse(new EdgeRequest(new Socket())))
    assert.equal(lines[0]?.fields['status'], 499)
  })

  it('leaves lines out when there are too many, and says how many', () => {
    const { log, lines, clock } = logged({ accessLogLinesPerSecondMax: 3 })
    for (let n = 0; n < 50; n++) log.ended(anAnswer(429))
    assert.equal(lines.length, 3)
    clock.ms += 1000
    log.ended(anAnswer(429))
    assert.equal(lines.length, 5)
    assert.deepEqual(lines[4]?.fields, { leftOut: 47 })
  })
})

describe('the target of a request, as it is logged', () => {
  it('shows no value that may be a secret, or an event', () => {
    assert.equal(shownTarget('/e?ip=1&token=secret&data=eyJhIjoxfQ&beacon=1&x'), '/e?ip=1&token=…&data=…&beacon=1&…')
    assert.equal(shownTarget('/array/mytoken12345/config.js?v=1'), '/array/mytoken…/config.js?v=1')
    assert.equal(shownTarget('/e'), '/e')
  })

  it('has an end', () => {
    assert.ok(shownTarget(`/${'x'.repeat(100_000)}?${'a=b&'.repeat(100_000)}`).length < 700)
  })
})
