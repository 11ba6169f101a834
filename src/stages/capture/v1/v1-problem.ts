/**
 * Why a whole v1 request is refused, as its clients read it (capture spec §15.3). PostHog's tags, except for what PostHog does not
 * know: `invalid_signature`, `forbidden_token`, `method_not_allowed`.
 */
const statusOf = {
  missing_required_headers: 400,
  invalid_header_value: 400,
  request_decoding_error: 400,
  request_parsing_error: 400,
  empty_body: 400,
  empty_batch: 400,
  invalid_batch: 400,
  missing_event_uuid: 400,
  invalid_event_uuid: 400,
  duplicate_event_uuid: 400,
  invalid_api_token: 401,
  invalid_signature: 401,
  forbidden_token: 403,
  method_not_allowed: 405,
  body_read_timeout: 408,
  payload_too_large: 413,
  unsupported_content_type: 415,
  unsupported_encoding: 415,
  billing_limit_exceeded: 429,
  rate_limited: 429,
  internal_error: 500,
  service_unavailable: 503,
} as const

export type V1ProblemTag = keyof typeof statusOf

export interface V1Problem {
  readonly kind: 'problem'
  readonly status: number
  readonly tag: V1ProblemTag
  readonly description: string
  /** When to come back; undefined when coming back does not help. */
  readonly retryAfterSeconds: number | undefined
}

const retryAfterSeconds = 1

/** `retryAfterMs`: when it is known; without it problems that pass have the usual second. */
export function v1Problem(tag: V1ProblemTag, description: string, retryAfterMs?: number): V1Problem {
  const status = statusOf[tag]
  const passes = status === 408 || status === 429 || status >= 500
  const seconds = retryAfterMs === undefined ? retryAfterSeconds : secondsFrom(retryAfterMs)
  return { kind: 'problem', status, tag, description, retryAfterSeconds: passes ? seconds : undefined }
}

/** Whole seconds, at least one: what `Retry-After` can say. */
export function secondsFrom(ms: number): number {
  return Math.max(retryAfterSeconds, Math.ceil(ms / 1000))
}

export function problemBody({ tag, description }: V1Problem): string {
  return JSON.stringify({ error: tag, error_description: description, error_uri: 'https://posthog.com/docs/api' })
}
