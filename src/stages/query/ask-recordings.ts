/** What was recorded of the sessions of one project (`questions/recordings.ts`). */
import type { WarehouseReader } from '../../stores/warehouse/warehouse-reader.ts'
import { questionLimits } from './question-limits.ts'
import type { QuestionBounds } from './question-limits.ts'
import { askRecordings, askSnapshots } from './questions/recordings.ts'
import type { RecordingsAnswer, RecordingsQuestion, SnapshotsAnswer } from './questions/recordings.ts'
import type { Asking } from './questions/statement.ts'

export interface AskRecordingsDeps extends QuestionBounds {
  readonly reader: WarehouseReader
  /** Bytes of snapshots in one page. */
  readonly snapshotPageBytesMax: number
  /** Bytes of the largest recording that the door takes in one request: a page may be that large. */
  readonly recordingBytesMax: number
}

/** Each rejects with the codes of `WarehouseReader.ask`, or with a `RefusedQuestion`. */
export interface Recordings {
  recordings(question: RecordingsQuestion): Promise<RecordingsAnswer>
  /** Undefined when no such session was recorded. */
  snapshots(session: string, cursor: string | undefined): Promise<SnapshotsAnswer | undefined>
}

export type RecordingsOf = (projectId: number, signal: AbortSignal) => Recordings

export function createRecordings(deps: AskRecordingsDeps): RecordingsOf {
  const { reader, snapshotPageBytesMax, recordingBytesMax } = deps
  const pageBytes = Math.max(snapshotPageBytesMax, recordingBytesMax)
  const limits = questionLimits(deps)
  // The engine's answer is JSON too: within it each quotation mark of the snapshots has a backslash.
  const snapshotLimits = {
    ...limits,
    resultBytesMax: Math.max(limits.resultBytesMax, 3 * pageBytes),
    memoryBytes: Math.max(limits.memoryBytes, 8 * pageBytes),
  }
  return function recordingsOf(projectId, signal) {
    const askingWithin = (within: typeof limits): Asking => ({
      async rows(statement, sql) {
        const database = await reader.projectDatabase(projectId)
        return (await reader.ask({ sql, parameters: statement.values, database, limits: within, signal })).rows
      },
      columns: () => reader.propertyColumns(),
      tableName: (table) => reader.tableName(table),
    })
    return {
      recordings: (question) => askRecordings(askingWithin(limits), question),
      snapshots: (session, cursor) =>
        askSnapshots(askingWithin(snapshotLimits), projectId, { session, cursor, pageBytesMax: snapshotPageBytesMax }),
    }
  }
}
