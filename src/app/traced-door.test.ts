import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { Failure } from '../kit/failure.ts'
import type { Tracing } from '../kit/telemetry/tracing.ts'
import type { Admit } from '../stages/admission/admission.ts'
import type { ReadRequest } from '../stages/admission/read-request.ts'
import type { Intake, IntakeRequest } from '../stores/intake/intake.ts'
import { createMemoryIntake } from '../stores/intake/memory/memory-intake.ts'
import { createDoorTracing } from './traced-door.ts'

interface Ended {
  readonly name: string
  readonly parent: string | undefined
  readonly error: string | undefined
}

function recorded(isSampled = true) {
  const spans: Ended[] = []
  let count = 0
  const tracing: Tracing = {
    span(name, { parent } = {}) {
      const id = `${name} ${String(++count)}`
      return {
        traceparent: isSampled ? id : undefined,
        end: (_, error) => spans.push({ name: id, parent, error }),
      }
    },
    close: () => Promise.resolve(),
  }
  return { tracing, spans }
}

const admission: ReadRequest = {
  kind: 'events',
  body: Buffer.from('{}'),
  token: 'phc_a',
  ip: '',
  nowMs: 0,
  sentAtMs: undefined,
  historicalMigration: false,
  signed: { method: 'POST', target: '/e', signature: undefined, sentBody: Buffer.from('{}') },
  headers: { session_id: 's' },
  events: [],
}

/** A door of wrapped stages, through which one request goes. */
async function throughDoor(tracing: Tracing, submit?: Intake['submit']): Promise<readonly IntakeRequest[]> {
  const submitted: IntakeRequest[] = []
  const traced = createDoorTracing(tracing)
  const plain = createMemoryIntake(1)
  const intake = traced.intake({
    ...plain,
    submit(request) {
      submitted.push(request)
      return submit === undefined ? plain.submit(request) : submit(request)
    },
  })
  const admit: Admit = traced.admission(async ({ body, token, ip, nowMs, sentAtMs, headers = {} }) => {
    await intake.submit({ body, token, ip, nowMs, sentAtMs, headers, isCanary: false, events: [] })
    return { kind: 'admitted', answers: 'sdk', outcomes: [] }
  })
  const response = Object.assign(new EventEmitter(), { statusCode: 200, writableFinished: true })
  const answered = Promise.withResolvers<undefined>()
  const capture = traced.capture({
    at: () => () => {
      admit(admission)
        .catch(() => (response.statusCode = 503))
        .finally(() => {
          response.emit('close')
          answered.resolve(undefined)
        })
    },
  })
  const request = { method: 'POST', headers: { traceparent: 'from outside' } }
  capture.at('/e')?.(request as unknown as IncomingMessage, response as unknown as ServerResponse, '/e', '')
  await answered.promise
  return submitted
}

describe('a traced door', () => {
  it('has a span for the request, admission and the durable step, each below the other', async () => {
    const { tracing, spans } = recorded()
    await throughDoor(tracing)
    assert.deepEqual(spans, [
      { name: 'intake 3', parent: 'admission 2', error: undefined },
      { name: 'admission 2', parent: 'POST /e 1', error: undefined },
      { name: 'POST /e 1', parent: 'from outside', error: undefined },
    ])
  })

  it('keeps the innermost span with the records, beside their other headers', async () => {
    const [request] = await throughDoor(recorded().tracing)
    assert.deepEqual(request?.headers, { session_id: 's', traceparent: 'intake 3' })
  })

  it('keeps nothing with a request that is not traced', async () => {
    const { tracing, spans } = recorded(false)
    const [request] = await throughDoor(tracing)
    assert.deepEqual(request?.headers, { session_id: 's' })
    assert.deepEqual(spans, [])
  })

  it('says what went wrong', async () => {
    const { tracing, spans } = recorded()
    await throughDoor(tracing, () => Promise.reject(new Failure('SLUICE_INTAKE_FULL', 'Full.', { retryable: true })))
    assert.deepEqual(
      spans.map(({ error }) => error),
      ['SLUICE_INTAKE_FULL', 'SLUICE_INTAKE_FULL', '503'],
    )
  })
})
