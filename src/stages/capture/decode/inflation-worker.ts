/** The inflation thread: one answer a body. */
import { parentPort } from 'node:worker_threads'
import { codeOf } from '../../../kit/failure.ts'
import { inflateBy } from './inflation.ts'
import type { InflationAnswer, InflationTask } from './inflation-thread.ts'

const port = parentPort
if (port === null) throw new Error('This file runs as a worker thread.')

/** Fewer and larger than usual: all of them are put together at the end. */
const chunkSize = 256 * 1024

port.on('message', (task: InflationTask) => {
  const answer = inflated(task)
  port.postMessage(answer, typeof answer === 'string' ? [] : [answer.buffer])
})

function inflated({ body, compression, bytesMax }: InflationTask): InflationAnswer {
  try {
    const text = inflateBy[compression](body, { maxOutputLength: bytesMax, chunkSize })
    // Moved, not copied, unless it shares its memory with others.
    const { buffer } = text
    return buffer instanceof ArrayBuffer && buffer.byteLength === text.length
      ? new Uint8Array(buffer)
      : Uint8Array.from(text)
  } catch (error) {
    return codeOf(error) === 'ERR_BUFFER_TOO_LARGE' ? 'too_large' : 'broken'
  }
}
