/** The v1 wire with the whole door behind it (capture spec §15); its own table is `src/stages/capture/v1/*.test.ts`. */
import { createHmac } from 'node:crypto'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Requested } from './exchange.ts'
import { deadLetter, json, keptAs, token } from './row.ts'
import type { Row } from './row.ts'
import {
  exceptionsOnlyToken,
  restrictedToken,
  signedToken,
  signingSecret,
  strictToken,
  v1QuotaToken,
  v1RateToken,
  v1StrictRateToken,
} from './tokens.ts'

const path = '/i/v1/analytics/events'
const sentAt = '2026-03-10T12:00:00.500Z'
const uuid = (number: number): string => `0190c4a2-0000-7000-b115-${number.toString(16).padStart(12, '0')}`

type Fields = Readonly<Record<string, unknown>>

function v1Event(number: number, own: Fields = {}): Fields {
  const timestamp = '2026-03-10T12:00:00.123Z'
  return { event: 'seen', uuid: uuid(number), distinct_id: 'ada', timestamp, options: {}, properties: { n: 1 }, ...own }
}

function v1Request(batch: readonly unknown[], from: string = token, own: Fields = {}): Requested & { body: string } {
  return {
    path,
    headers: {
      authorization: `Bearer ${from}`,
      'content-type': 'application/json',
      'user-agent': 'posthog-node/5.70.0',
      'posthog-sdk-info': 'posthog-node/5.70.0',
      'posthog-attempt': '1',
      'posthog-request-id': uuid(0),
      'posthog-request-timestamp': sentAt,
    },
    body: json({ created_at: sentAt, batch, ...own }),
  }
}

function encoded(
  request: Requested & { body: string },
  encoding: string,
  compress: (text: string) => Buffer,
): Requested {
  return { ...request, headers: { ...request.headers, 'content-encoding': encoding }, body: compress(request.body) }
}

/** What is kept of `v1Event`: an ordinary event, with what v1 says elsewhere in its properties. */
function keptV1(number: number, own: Fields = {}, added: Fields = {}) {
  const { options: _o, session_id: _s, ...rest } = v1Event(number, own)
  const properties = { ...(rest['properties'] as object), ...added, $lib: 'posthog-node', $lib_version: '5.70.0' }
  return keptAs({ ...rest, properties }, { uuid: uuid(number) })
}

function results(...all: readonly (readonly [number: number, result: string, details?: string])[]): {
  results: Fields
} {
  return {
    results: Object.fromEntries(
      all.map(([number, result, details]) => [uuid(number), details === undefined ? { result } : { result, details }]),
    ),
  }
}

function signature(request: Requested & { body: string }): string {
  const t = String(Date.now())
  const mac = createHmac('sha256', signingSecret).update(`${t}\nPOST\n${path}\n`).update(request.body).digest('hex')
  return `t=${t},v1=${mac}`
}

const signed = v1Request([v1Event(60)], signedToken)

export const v1: readonly Row[] = [
  {
    section: '§15',
    promise: 'a v1 event is kept as an ordinary one, with what its headers and options say',
    send: v1Request([v1Event(1, { session_id: 's-1', options: { process_person_profile: false } })]),
    answer: {
      status: 200,
      json: results([1, 'ok']),
      headers: { 'sluice-verdicts': 'stored=1', date: /GMT$/ },
    },
    kept: [
      {
        ...keptV1(1, {}, { $session_id: 's-1', $process_person_profile: false }),
        headers: { sent_at: String(Date.parse(sentAt)) },
      },
    ],
  },
  ...(
    [
      ['gzip', gzipSync, 2],
      ['deflate', deflateSync, 3],
      ['br', brotliCompressSync, 4],
      ['zstd', zstdCompressSync, 5],
    ] as const
  ).map(([encoding, compress, number]): Row => ({
    section: '§15',
    promise: `a v1 request is read in ${encoding}`,
    send: encoded(v1Request([v1Event(number)]), encoding, (text) => compress(text)),
    answer: { status: 200, json: results([number, 'ok']) },
    kept: [keptV1(number)],
  })),
  {
    section: '§15',
    promise: 'a v1 event that is not valid is a dead letter as it was sent, and the others are kept',
    send: v1Request([v1Event(10, { timestamp: 'yesterday' }), v1Event(11)]),
    answer: { status: 200, json: results([10, 'drop', 'invalid_event_timestamp'], [11, 'ok']) },
    kept: [
      deadLetter('invalid_event_timestamp', { uuid: uuid(10), event: v1Event(10, { timestamp: 'yesterday' }) }),
      keptV1(11),
    ],
  },
  {
    section: '§15',
    promise: 'a v1 request sent again is ok, and kept once',
    first: v1Request([v1Event(12)]),
    send: v1Request([v1Event(12)]),
    answer: { status: 200, json: results([12, 'ok']), headers: { 'sluice-verdicts': 'stored=0, duplicate=1' } },
  },
  {
    section: '§15',
    promise: 'a v1 event of nobody is kept without a person',
    send: v1Request([v1Event(13, { distinct_id: ' NULL ' })]),
    answer: { status: 200, json: results([13, 'ok', 'person_processing_disabled']) },
    kept: [
      {
        ...keptV1(13, { distinct_id: ' NULL ' }),
        distinctId: 'NULL',
        // Spread: its uuid is the key.
        key: `${token}:${uuid(13)}`,
        headers: { force_disable_person_processing: 'true' },
      },
    ],
  },
  {
    section: '§15',
    promise: 'a v1 batch of a migration goes to its lane',
    send: v1Request([v1Event(14)], token, { historical_migration: true }),
    answer: { status: 200, json: results([14, 'ok']) },
    kept: [{ ...keptV1(14), lane: 'historical_events', headers: { historical_migration: 'true' } }],
  },
  {
    section: '§15',
    promise: 'a v1 event from inside has no address',
    send: v1Request([v1Event(15)], token, { capture_internal: true }),
    answer: { status: 200, json: results([15, 'ok']) },
    kept: [{ ...keptV1(15), headers: { ip: '127.0.0.1' } }],
  },
  {
    section: '§15',
    promise: 'a v1 event over a quota is dropped, and says why',
    send: v1Request([v1Event(20), v1Event(21)], v1QuotaToken),
    answer: { status: 200, json: results([20, 'ok'], [21, 'drop', 'billing_limit_exceeded']) },
    kept: [{ ...keptV1(20), token: v1QuotaToken }],
  },
  {
    section: '§15',
    promise: 'a v1 event over a rate is asked for again, and says when',
    send: v1Request([v1Event(22), v1Event(23)], v1RateToken),
    answer: {
      status: 200,
      json: results([22, 'ok'], [23, 'retry', 'rate_limited']),
      headers: { 'retry-after': /^\d+$/ },
    },
    kept: [{ ...keptV1(22), token: v1RateToken }],
  },
  {
    section: '§15',
    promise: 'a v1 request of a strict project over a rate is 429, and nothing of it is kept',
    send: v1Request([v1Event(24), v1Event(25)], v1StrictRateToken),
    answer: { status: 429, text: /"error":"rate_limited"/, type: 'application/json' },
  },
  {
    section: '§15',
    promise: 'a v1 event that the project drops is told so',
    send: v1Request([v1Event(30, { event: 'drop me' })], restrictedToken),
    answer: { status: 200, json: results([30, 'drop', 'event_restriction_drop']) },
  },
  {
    section: '§15',
    promise: 'a v1 restriction of a session looks at the session of the event',
    send: v1Request([v1Event(31, { session_id: 'bad-session' })], restrictedToken),
    answer: { status: 200, json: results([31, 'drop', 'event_restriction_drop']) },
  },
  {
    section: '§15',
    promise: 'a v1 request with an unknown token is 401',
    send: v1Request([v1Event(40)], 'phc_nobody'),
    answer: { status: 401, text: /"error":"invalid_api_token"/, type: 'application/json' },
  },
  {
    section: '§15',
    promise: 'a v1 request of a token for other lanes is 403',
    send: v1Request([v1Event(41)], exceptionsOnlyToken),
    answer: { status: 403, text: /"error":"forbidden_token"/, type: 'application/json' },
  },
  {
    section: '§15',
    promise: 'a v1 request of a strict project with an event that is not valid is refused whole',
    send: v1Request([v1Event(42), v1Event(43, { event: '' })], strictToken),
    answer: { status: 400, text: /"error":"invalid_batch".*missing_event_name \(event 1\)/, type: 'application/json' },
  },
  {
    section: '§15',
    promise: 'a v1 request without the signature that the project wants is 401',
    send: v1Request([v1Event(61)], signedToken),
    answer: { status: 401, text: /"error":"invalid_signature"/, type: 'application/json' },
  },
  {
    section: '§15',
    promise: 'a v1 request that is signed is kept',
    send: { ...signed, headers: { ...signed.headers, 'sluice-signature': signature(signed) } },
    answer: { status: 200, json: results([60, 'ok']) },
    kept: [{ ...keptV1(60), token: signedToken }],
  },
]
