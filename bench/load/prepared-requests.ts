/** Whole HTTP requests, made before the clock starts: what the generator has to do while it measures is write them. */
import { gzipSync } from 'node:zlib'
import { renewUuid } from './event-bodies.ts'
import type { MakeEvent } from './event-bodies.ts'
import type { LoadPlan } from './load-plan.ts'

export interface PreparedRequest {
  readonly bytes: Buffer
  /** Where its uuids stand; empty in a compressed body, which cannot be changed any more. */
  readonly uuidsAt: readonly number[]
  readonly jsonBytes: number
  readonly bodyBytes: number
}

const uuidKey = '"uuid":"'

export function prepareRequest(
  plan: Pick<LoadPlan, 'host' | 'port' | 'path' | 'token' | 'batch' | 'gzip'>,
  makeEvent: MakeEvent,
): PreparedRequest {
  const nowMs = Date.now()
  const batch = Array.from({ length: plan.batch }, () => makeEvent(nowMs))
  const json = Buffer.from(JSON.stringify({ api_key: plan.token, sent_at: new Date(nowMs).toISOString(), batch }))
  const body = plan.gzip ? gzipSync(json) : json
  const lines = [
    `POST ${plan.path} HTTP/1.1`,
    `host: ${plan.host}:${String(plan.port)}`,
    'content-type: application/json',
    ...(plan.gzip ? ['content-encoding: gzip'] : []),
    `content-length: ${String(body.length)}`,
  ]
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  const bytes = Buffer.concat([head, body])
  return {
    bytes,
    uuidsAt: plan.gzip ? [] : placesOf(uuidKey, bytes, head.length),
    jsonBytes: json.length,
    bodyBytes: body.length,
  }
}

/** Makes the events of a plain request new ones. The request must not be on its way any more. */
export function renewRequest({ bytes, uuidsAt }: PreparedRequest): void {
  const nowMs = Date.now()
  for (const at of uuidsAt) renewUuid(bytes, at, nowMs)
}

function placesOf(key: string, bytes: Buffer, from: number): readonly number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(key, from); at !== -1; at = bytes.indexOf(key, at + key.length))
    places.push(at + key.length)
  return places
}
