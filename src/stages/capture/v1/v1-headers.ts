/** What a v1 request says in its headers (capture spec §15.1). */
import type { IncomingHttpHeaders } from 'node:http'
import { instantFrom } from '../../../event/instant.ts'
import { parseUuid } from '../../../event/uuid.ts'
import { tokenProblem } from '../token-shape.ts'
import { isRfc3339 } from './rfc3339.ts'
import { v1Problem } from './v1-problem.ts'
import type { V1Problem } from './v1-problem.ts'

export const v1Encodings = ['gzip', 'deflate', 'br', 'zstd'] as const
export type V1Encoding = (typeof v1Encodings)[number]

export interface V1Headers {
  readonly kind: 'headers'
  /** Trimmed, and of a valid shape. */
  readonly token: string
  readonly encoding: V1Encoding | undefined
  /** Client clock when it sent the request, Unix milliseconds. */
  readonly sentAtMs: number
  /** Name and version of the SDK; undefined when the header does not say both. */
  readonly sdk: { readonly name: string; readonly version: string } | undefined
}

/** As they are written, in the order in which missing ones are listed. */
const required = [
  'PostHog-Sdk-Info',
  'PostHog-Attempt',
  'PostHog-Request-Id',
  'PostHog-Request-Timestamp',
  'Content-Type',
  'User-Agent',
] as const
const requiredKeys = required.map((name) => name.toLowerCase())

const sdkInfoLengthMax = 200

export function readV1Headers(headers: IncomingHttpHeaders): V1Headers | V1Problem {
  const { authorization } = headers
  if (authorization === undefined) {
    return v1Problem(
      'invalid_api_token',
      'There is no header Authorization: send "Authorization: Bearer <project token>".',
    )
  }
  if (requiredKeys.some((key) => headers[key] === undefined)) {
    const missing = required.filter((_, n) => headers[requiredKeys[n] ?? ''] === undefined)
    return v1Problem('missing_required_headers', `request is missing required headers: ${missing.join(', ')}`)
  }
  const token = bearer(authorization)
  if (token === undefined) return invalid('Authorization', 'its scheme is not Bearer')
  const wrong = tokenProblem(token)
  if (wrong !== undefined) return v1Problem('invalid_api_token', `API token is not valid: ${wrong}`)
  const contentType = headers['content-type'] ?? ''
  if (!isJson(contentType))
    return v1Problem('unsupported_content_type', `unsupported content type: ${shown(contentType)}`)
  const encoding = encodingFrom(headers['content-encoding'])
  if (encoding === null) {
    const text = headers['content-encoding'] ?? ''
    return v1Problem(
      'unsupported_encoding',
      `unsupported content encoding: ${shown(text)}; one of ${v1Encodings.join(', ')}`,
    )
  }
  if (!isAttempt(textOf(headers['posthog-attempt']))) return invalid('PostHog-Attempt', 'it is no integer of 1 or more')
  if (parseUuid(textOf(headers['posthog-request-id'])) === undefined)
    return invalid('PostHog-Request-Id', 'it is no UUID')
  const timestamp = textOf(headers['posthog-request-timestamp'])
  const sentAtMs = isRfc3339(timestamp) ? instantFrom(timestamp) : undefined
  if (sentAtMs === undefined) return invalid('PostHog-Request-Timestamp', 'it is no RFC 3339 date and time')
  return { kind: 'headers', token, encoding, sentAtMs, sdk: sdkFrom(textOf(headers['posthog-sdk-info'])) }
}

function invalid(name: string, why: string): V1Problem {
  return v1Problem('invalid_header_value', `invalid header value: ${name}: ${why}`)
}

function textOf(value: string | string[] | undefined): string {
  return (typeof value === 'string' ? value : (value?.[0] ?? '')).trim()
}

/** The token, trimmed; undefined when the scheme is another one. */
function bearer(authorization: string): string | undefined {
  if (!/^bearer(\s|$)/i.test(authorization)) return undefined
  return authorization.slice('bearer'.length).trim()
}

function isJson(contentType: string): boolean {
  if (contentType === 'application/json') return true
  const end = contentType.indexOf(';')
  return (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase() === 'application/json'
}

/** Null for one that is not spoken here. */
function encodingFrom(text: string | undefined): V1Encoding | undefined | null {
  if (text === undefined) return undefined
  const wanted = text.trim().toLowerCase()
  if (wanted === '' || wanted === 'identity') return undefined
  return v1Encodings.find((encoding) => encoding === wanted) ?? null
}

function isAttempt(text: string): boolean {
  return /^\+?\d{1,9}$/.test(text) && Number(text) >= 1
}

/** `<lib>/<version>`, parted at the last slash. */
function sdkFrom(text: string): V1Headers['sdk'] {
  const slash = text.lastIndexOf('/')
  if (text.length > sdkInfoLengthMax || slash < 1 || slash === text.length - 1 || !/^[\x20-\x7e]+$/.test(text))
    return undefined
  return { name: text.slice(0, slash), version: text.slice(slash + 1) }
}

/** Of what a client wrote, so much that the answer stays short. */
function shown(text: string): string {
  return text.slice(0, 100)
}
