/** What the event loop and the background thread say to each other. */
import type { LoadedKeyFile } from './key-file.ts'
import type { Bucket } from '../../key-table.ts'

export type KeyFileTask =
  | { readonly kind: 'load'; readonly path: string }
  | WriteTask
  | { readonly kind: 'merge'; readonly path: string; readonly inputs: readonly string[] }
  /** Merges under way are to end without a result. */
  | { readonly kind: 'stop' }

export interface WriteTask {
  readonly kind: 'write'
  readonly path: string
  readonly seed: Int32Array
  readonly buckets: readonly Bucket[]
  readonly keyCount: number
  readonly segment: number
  readonly fingerprint: number
  readonly oldestTimeMs: number
  readonly newestTimeMs: number
}

export type KeyFileAnswer = { readonly id: number } & (
  | { readonly outcome: 'done'; readonly file: LoadedKeyFile | undefined }
  | { readonly outcome: 'damaged'; readonly path: string; readonly reason: string }
  | { readonly outcome: 'failed'; readonly reason: string; readonly code: string | undefined }
)
