/** Why an event is left out although nothing is wrong with it. */
export type DropReason = 'unknown_token'

/** What a step decided about one event. Steps return verdicts; they throw only when something is broken. */
export type Verdict<T> =
  | { readonly kind: 'keep'; readonly value: T }
  | { readonly kind: 'drop'; readonly reason: DropReason }
  /** It cannot be processed: it goes to the dead-letter lane with this reason, and can be sent through again. */
  | { readonly kind: 'quarantine'; readonly reason: string; readonly cause: unknown }

export function keep<T>(value: T): Verdict<T> {
  return { kind: 'keep', value }
}

export function drop(reason: DropReason): Verdict<never> {
  return { kind: 'drop', reason }
}

export function quarantine(reason: string, cause?: unknown): Verdict<never> {
  return { kind: 'quarantine', reason, cause }
}
