/**
 * Was anything lost or doubled? A figure counts only with the answer beside it, and the benchmark fails on a yes.
 *
 * Three counts must agree: what the generator was answered, what the door's books say, and the rows that SQL finds. And
 * `sluice verify` compares the log with the table id by id.
 */
import type { Verdict } from '../src/app/verify-installation.ts'
import type { Installation } from './installation.ts'
import type { LoadResult } from './load/load-plan.ts'

export interface Proof {
  readonly acknowledged: number
  /** Sent without a good answer: each may be stored or not. */
  readonly unacknowledged: number
  /** In the door's books. */
  readonly stored: number
  readonly duplicates: number
  readonly refused: number
  /** Found by SQL. */
  readonly rows: number
  readonly distinctRows: number
  readonly lost: number
  readonly doubled: number
  readonly invented: number
  /** What does not agree, in words; empty when nothing was lost or doubled. */
  readonly complaints: readonly string[]
  /** What went wrong without harm to any event, but perhaps to the figures. */
  readonly remarks: readonly string[]
}

export type Sent = Pick<LoadResult, 'acknowledgedEvents' | 'unacknowledgedEvents' | 'firstProblem'>

const logLinesMax = 5
const logCharsMax = 500

/**
 * Waits until everything is in the table, then counts. `sent`: everything that was sent since the folder was made;
 * `acceptedFromMs` leaves out rows that were in the table before.
 */
export async function proofOf(
  installation: Installation,
  sent: readonly Sent[],
  { acceptedFromMs = 0 }: { readonly acceptedFromMs?: number } = {},
): Promise<Proof> {
  await installation.drained()
  const acknowledged = sent.reduce((sum, one) => sum + one.acknowledgedEvents, 0)
  const unacknowledged = sent.reduce((sum, one) => sum + one.unacknowledgedEvents, 0)
  const { intake } = (await installation.status()).books
  const answer = await installation.sql(
    `SELECT count(), uniqExact(uuid) FROM events WHERE accepted_at >= fromUnixTimestamp64Milli(${String(acceptedFromMs)})`,
  )
  const [rows = 0, distinctRows = 0] = (answer.rows[0] ?? []).map(Number)
  const verdict = (await installation.verify()) as Verdict

  const complaints: string[] = []
  const expect = (isSo: boolean, complaint: string): void => {
    if (!isSo) complaints.push(complaint)
  }
  const { stored, duplicate, refused } = intake
  expect(
    stored >= acknowledged,
    `the door's books have ${String(stored)} events, ${String(acknowledged)} were acknowledged`,
  )
  expect(
    stored <= acknowledged + unacknowledged,
    `the door's books have ${String(stored)} events, only ${String(acknowledged + unacknowledged)} were sent`,
  )
  expect(duplicate === 0, `${String(duplicate)} events were called duplicates, though each was sent once`)
  expect(refused === 0, `${String(refused)} events were refused, though all are valid`)
  expect(rows === stored, `SQL finds ${String(rows)} rows of ${String(stored)} stored events`)
  expect(distinctRows === rows, `SQL finds ${String(rows)} rows, but only ${String(distinctRows)} distinct uuids`)
  expect(
    verdict.equal,
    `verify: lost ${String(verdict.lost.count)}, doubled ${String(verdict.doubled.count)}, invented ${String(verdict.invented.count)}`,
  )
  expect(verdict.accepted >= stored, `verify looked at ${String(verdict.accepted)} of ${String(stored)} stored events`)
  const restarts = installation.restarts()
  const remarks = sent.flatMap(({ firstProblem }) => firstProblem ?? []).map((one) => `the generator saw: ${one}`)
  if (restarts > 0) remarks.push(`${String(restarts)} processes died and were started again`)
  if (remarks.length + complaints.length > 0) {
    remarks.push(
      ...(await installation.lastLog(logLinesMax)).map((line) => `in the log: ${line.slice(0, logCharsMax)}`),
    )
  }
  return {
    acknowledged,
    unacknowledged,
    stored,
    duplicates: duplicate,
    refused,
    rows,
    distinctRows,
    lost: verdict.lost.count,
    doubled: verdict.doubled.count,
    invented: verdict.invented.count,
    complaints,
    remarks,
  }
}
