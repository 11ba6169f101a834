/**
 * Traces of requests at the door (C22): one span a request, below it admission, below that the intake's durable step. The stages know
 * nothing of it: they are handed wrapped ones, and only when tracing is configured. The innermost span goes with the request
 * into the log, as the header `traceparent` of its records, where ingestion finds it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { codeOf, messageOf } from '../kit/failure.ts'
import type { Span, Tracing } from '../kit/telemetry/tracing.ts'
import type { Admit } from '../stages/admission/admission.ts'
import type { Capture } from '../stages/capture/capture.ts'
import type { Intake } from '../stores/intake/intake.ts'

/** Records that one trace is kept with: a header of each. */
const traceHeader = 'traceparent'

export interface DoorTracing {
  capture(capture: Capture): Capture
  admission(admit: Admit): Admit
  intake(intake: Intake): Intake
}

export function createDoorTracing(tracing: Tracing): DoorTracing {
  /** The span that the code which runs now is below. */
  const current = new AsyncLocalStorage<string>()

  /** Below the span of a request that is traced; otherwise as it is. */
  async function within<T>(name: string, act: (traceparent: string) => Promise<T>): Promise<T> {
    const parent = current.getStore() ?? ''
    const span = tracing.span(name, { parent })
    const traceparent = span.traceparent ?? ''
    try {
      return await ended(span, current.run(traceparent, act, traceparent))
    } catch (error) {
      span.end({}, codeOf(error) ?? messageOf(error))
      throw error
    }
  }

  return {
    capture: (capture) => ({
      at(servedPath) {
        const answer = capture.at(servedPath)
        return answer === undefined
          ? undefined
          : (request, response, path, search) => {
              const { method = 'GET' } = request
              const sent = request.headers[traceHeader]
              const span = tracing.span(`${method} ${path}`, {
                parent: typeof sent === 'string' ? sent : undefined,
                attributes: { 'http.request.method': method, 'url.path': path },
              })
              if (span.traceparent === undefined) {
                answer(request, response, path, search)
                return
              }
              response.once('close', () => {
                const status = response.statusCode
                const error = response.writableFinished
                  ? status < 500
                    ? undefined
                    : String(status)
                  : 'the client went away'
                span.end({ 'http.response.status_code': status }, error)
              })
              current.run(span.traceparent, () => {
                answer(request, response, path, search)
              })
            }
      },
    }),

    admission: (admit) => (request) =>
      current.getStore() === undefined ? admit(request) : within('admission', () => admit(request)),

    intake: (intake) => ({
      submit: (request) =>
        current.getStore() === undefined
          ? intake.submit(request)
          : within('intake', (traceparent) =>
              intake.submit({ ...request, headers: { ...request.headers, [traceHeader]: traceparent } }),
            ),
      books: () => intake.books(),
      limitUses: (prefix, countMax) => intake.limitUses(prefix, countMax),
      close: () => intake.close(),
    }),
  }
}

async function ended<T>(span: Span, work: Promise<T>): Promise<T> {
  const result = await work
  span.end()
  return result
}
