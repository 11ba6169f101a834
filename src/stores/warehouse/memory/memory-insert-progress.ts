import type { InsertProgress } from '../insert-progress.ts'

/** The progress in memory, for tests of stages. Kept as text: what was saved does not change with what is done to it. */
export function createMemoryInsertProgress(): InsertProgress {
  let saved: string | undefined
  return {
    // Written by `save`.
    load: () =>
      Promise.resolve(
        saved === undefined ? undefined : (JSON.parse(saved) as Awaited<ReturnType<InsertProgress['load']>>),
      ),
    save(progress) {
      saved = JSON.stringify(progress)
      return Promise.resolve()
    },
  }
}
