/**
 * The progress of one flow's writer in the table `sluice.insert_progress`, a row a flow.
 *
 * Epoch: counts who opened it. Opening adds one, durably, before anything is read; every statement afterwards names its
 * epoch, so what a writer of an older epoch does (one that was paused, or cut off, and does not know it) changes nothing.
 * The row's lock puts a save and a take-over in an order: either the new owner loads what was saved, or the save is refused.
 */
import type { FlowName } from '../../../event/flows.ts'
import { Failure } from '../../../kit/failure.ts'
import type { SqlSession } from '../../../kit/sql-session.ts'
import type { InsertProgress, Progress } from '../insert-progress.ts'

/** Takes the progress over from whoever had it. */
export async function openPostgresInsertProgress(sql: SqlSession, flow: FlowName): Promise<InsertProgress> {
  const [taken] = await sql.query<{ readonly epoch: number }>(
    `insert into sluice.insert_progress as p (flow, epoch) values ($1, 1)
     on conflict (flow) do update set epoch = p.epoch + 1
     returning epoch`,
    [flow],
  )
  if (taken === undefined) throw new Error('An insert with "returning" gave no row.')
  const { epoch } = taken
  const fenced = (): Failure =>
    new Failure(
      'SLUICE_PROGRESS_FENCED',
      `Another process has taken over to insert the rows of ${flow}; this one was the ${String(epoch)}. to do so.`,
    )
  return {
    async load() {
      const [found] = await sql.query<{ readonly progress: Progress | null }>(
        'select progress from sluice.insert_progress where flow = $1 and epoch = $2',
        [flow, epoch],
      )
      if (found === undefined) throw fenced()
      return found.progress ?? undefined
    },
    async save(progress) {
      const saved = await sql.query(
        `update sluice.insert_progress set progress = $3::jsonb, saved_at = now()
         where flow = $1 and epoch = $2
         returning epoch`,
        [flow, epoch, JSON.stringify(progress)],
      )
      if (saved.length === 0) throw fenced()
    },
  }
}
