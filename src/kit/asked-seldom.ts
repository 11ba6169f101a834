export interface AskedSeldomOptions {
  /** An answer is new enough for so long. */
  readonly everyMs: number
  /** Nobody waits longer than this; the question goes on. */
  readonly waitMsMax: number
}

/**
 * A question that many want answered again and again: at most one is asked at a time, and none soon after the last. Resolves when it was
 * answered, was so just now, or takes too long; rejects with what it rejects with, unless that comes too late.
 */
export function askedSeldom(ask: () => Promise<void>, { everyMs, waitMsMax }: AskedSeldomOptions): () => Promise<void> {
  let asking: Promise<void> | undefined
  let askedMs = -Infinity
  return async () => {
    if (performance.now() - askedMs < everyMs) return
    asking ??= ask().finally(() => {
      askedMs = performance.now()
      asking = undefined
    })
    await atMost(asking, waitMsMax)
  }
}

/** Resolves with the promise, or when so long has passed; then its failure is nobody's. */
async function atMost(promise: Promise<void>, timeoutMs: number): Promise<void> {
  const late = Promise.withResolvers<undefined>()
  const timer = setTimeout(late.resolve, timeoutMs, undefined)
  promise.catch(() => undefined)
  await Promise.race([promise, late.promise]).finally(() => {
    clearTimeout(timer)
  })
}
