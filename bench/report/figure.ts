import type { Proof } from '../proof.ts'

/** One number of the report, with what it is held against. */
export interface Figure {
  /** Like `single events, 64 connections`. */
  readonly of: string
  /** Like `CPU of the edge`. */
  readonly what: string
  readonly unit: string
  /** One value a run. */
  readonly runs: readonly number[]
  /** At most this; see `targets.ts`. */
  readonly target?: number
  readonly moonshot?: number
  /** What the same costs when only the bare thing below is done, measured in the same run. */
  readonly floor?: { readonly name: string; readonly value: number }
}

/** Several figures of one thing. */
export function figuresOf(of: string, figures: readonly Omit<Figure, 'of'>[]): readonly Figure[] {
  return figures.map((figure) => ({ of, ...figure }))
}

/** What one part of the benchmark found. */
export interface PartResult {
  readonly part: string
  readonly figures: readonly Figure[]
  /** Undefined for parts that store nothing through Sluice. */
  readonly proof?: Proof
  /** What one has to know to read the figures. */
  readonly notes: readonly string[]
  /** Every run as it was, for whoever looks closer. */
  readonly details: unknown
}
