import type { BlockIntent, Progress } from './insert-progress.ts'

/** A progress in which every number tells which one it is. */
export function aProgress(n: number): Progress {
  const offsets = [n, n * 2, n * 3]
  return {
    offsets,
    sourceOffsets: offsets.map((offset) => offset * 10),
    epochs: [n, n, n],
    throughMs: offsets.map((offset) => 1_700_000_000_000 + offset),
    canaries: [n, null, 0],
    rowsInserted: n * 100,
    rowsRefused: 0,
    intent: anIntent(n),
    recent: Array.from({ length: n % 20 }, (_, at) => anIntent(at)),
  }
}

function anIntent(n: number): BlockIntent {
  const range = {
    partition: 1,
    from: n,
    to: n + 1,
    sourceFrom: n * 10,
    sourceTo: n * 10 + 10,
    epoch: n,
    acceptedFromMs: 1_700_000_000_000,
    acceptedToMs: 1_700_000_000_000 + n,
  }
  return { token: `202603-${String(n)}`, month: 202_603, rowCount: n * 10, ranges: [range] }
}
