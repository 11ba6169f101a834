/**
 * An error with a stable code and the answer to "does trying again help?", decided where the cause is known.
 * Outcomes (a duplicate, a dropped event) are values; a Failure means that something is broken or refused as a whole.
 */
export class Failure extends Error {
  /** Stable, upper-case, begins with `SLUICE_`. */
  readonly code: string
  /** True when the same call may succeed later without anyone changing anything. */
  readonly retryable: boolean

  constructor(code: string, message: string, options: { readonly retryable?: boolean; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Failure'
    this.code = code
    this.retryable = options.retryable ?? false
  }
}

/** The message of anything that was thrown, for logs and reasons. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a Node system error or of a Failure, e.g. `ENOSPC`; undefined when there is none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
