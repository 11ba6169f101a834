/** The background thread: reads, writes and merges key files, one answer a task. */
import { parentPort } from 'node:worker_threads'
import { codeOf, messageOf } from '../../../../kit/failure.ts'
import { KeyFileDamaged, loadKeyFile, type LoadedKeyFile } from './key-file.ts'
import { mergeKeyFiles } from './key-file-merge.ts'
import { KeyFileWriter } from './key-file-writer.ts'
import type { KeyFileAnswer, KeyFileTask, WriteTask } from './key-file-tasks.ts'
import { sortBucket, sortedWordsMax, entryWords } from '../../key-table.ts'

const port = parentPort
if (port === null) throw new Error('This file runs as a worker thread.')

let stopped = false
const sorted = new Int32Array(sortedWordsMax)

port.on('message', (message: { id: number; task: KeyFileTask }) => {
  void answer(message.id, message.task)
})

async function answer(id: number, task: KeyFileTask): Promise<void> {
  let result: KeyFileAnswer
  try {
    result = { id, outcome: 'done', file: await perform(task) }
  } catch (error) {
    result =
      error instanceof KeyFileDamaged
        ? { id, outcome: 'damaged', path: error.path, reason: error.message }
        : { id, outcome: 'failed', reason: messageOf(error), code: codeOf(error) }
  }
  // Moved, not copied: nothing of a file stays in this thread's memory.
  const file = result.outcome === 'done' ? result.file : undefined
  const arrays = file === undefined ? [] : [file.fences, file.filter, file.segments, file.fingerprints]
  port?.postMessage(
    result,
    arrays.map((array) => array.buffer),
  )
}

async function perform(task: KeyFileTask): Promise<LoadedKeyFile | undefined> {
  switch (task.kind) {
    case 'load':
      return loadKeyFile(task.path)
    case 'write':
      return write(task)
    case 'merge':
      return mergeKeyFiles(task.inputs, task.path, () => stopped)
    case 'stop':
      stopped = true
      return undefined
  }
}

function write(task: WriteTask): LoadedKeyFile {
  const writer = new KeyFileWriter({ path: task.path, seed: task.seed, keyCountMax: task.keyCount })
  try {
    for (const bucket of task.buckets) {
      const words = sortBucket(bucket, sorted) * entryWords
      for (let at = 0; at < words; at += entryWords) writer.push(sorted, at)
    }
    const { segment, fingerprint, oldestTimeMs, newestTimeMs } = task
    const segments = Float64Array.of(segment)
    const fingerprints = Uint32Array.of(fingerprint)
    return writer.finish({ segments, fingerprints, oldestTimeMs, newestTimeMs })
  } catch (error) {
    writer.abandon()
    throw error
  }
}
