/** What a step decided about one event. Steps return verdicts; they throw only when something is broken. */
export type Verdict<T> =
  | { readonly kind: 'keep'; readonly value: T }
  /** It is left out by a rule although nothing is wrong with it; the reason is counted. */
  | { readonly kind: 'drop'; readonly reason: string }
  /** It cannot be processed: it goes to the dead-letter lane with this reason, and can be sent through again. */
  | { readonly kind: 'quarantine'; readonly reason: string; readonly cause: unknown }

export function keep<T>(value: T): Verdict<T> {
  return { kind: 'keep', value }
}

export function quarantine(reason: string, cause?: unknown): Verdict<never> {
  return { kind: 'quarantine', reason, cause }
}
