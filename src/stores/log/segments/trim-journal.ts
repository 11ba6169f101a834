/** Removes old segments of a journal: only sealed ones, only behind every reader and pin, only when old enough. */
import { laneNumber } from '../../../event/position.ts'
import type { Lane } from '../../../event/position.ts'
import type { Files } from '../../../kit/files.ts'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import { segmentHeads } from './journal-reader.ts'
import { loadReaders } from './reader-files.ts'
import * as happened from './segments.events.ts'

export interface TrimOptions {
  readonly files: Files
  readonly folder: string
  /** A segment stays at least this long after its newest frame. */
  readonly retentionMs: number
  /** Readers that must have said where they stand before anything is removed. */
  readonly readers: readonly { readonly reader: string; readonly lane: Lane }[]
  readonly telemetry: Telemetry
  readonly nowMs: number
}

/** Resolves with the sequences that were removed. */
export async function trimJournal(options: TrimOptions): Promise<readonly number[]> {
  const { files, folder, nowMs, retentionMs } = options
  const saved = (await loadReaders(files, folder)).filter((one) => (one.expiresAtMs ?? nowMs) >= nowMs)
  const known = options.readers.every(({ reader, lane }) =>
    saved.some((one) => one.reader === reader && one.lane === lane),
  )
  if (!known) return []
  const removed: number[] = []
  const heads = await segmentHeads(files, folder)
  for (const [index, { name }] of heads.entries()) {
    // The head of the next segment says where this one ended, in offsets and in time.
    const next = heads[index + 1]?.head
    if (next === undefined || next.state.timeMs > nowMs - retentionMs) break
    const isRead = saved.every(({ lane, offsets }) =>
      (next.state.next[laneNumber(lane)] ?? []).every((end, partition) => end <= (offsets[partition] ?? 0)),
    )
    if (!isRead) break
    await files.remove(`${folder}/${name.file}`)
    removed.push(name.sequence)
  }
  if (removed.length > 0) {
    await files.syncFolder(folder)
    happened.journalTrimmed(folder, removed.length).emit(options.telemetry)
  }
  return removed
}
