/**
 * The few things a log needs of a file system, so that crash rules can be tested over a simulated one.
 * `node-files.ts` is the real one, `simulated-files.ts` forgets, tears and fails on request.
 */
export interface Files {
  /** Creates the folder and its parents; fine when it is there. */
  makeFolder(folder: string): Promise<void>
  /** Names in the folder, sorted. */
  list(folder: string): Promise<readonly string[]>
  /**
   * Opens for reading and writing; `create` makes a new file and fails when it exists. So does `create-synced`, and then each `write`
   * resolves only once its bytes would survive a power loss: one step where `write` and `sync` are two.
   */
  open(path: string, mode: 'create' | 'create-synced' | 'write' | 'read'): Promise<OpenFile>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Makes creations, renames and removals in the folder survive a power loss. */
  syncFolder(folder: string): Promise<void>
  /** Bytes that may still be written in the folder's file system. */
  freeBytes(folder: string): Promise<number>
  /** Calls back soon after the file changed; may call without a change. Returns how to stop. */
  watch(path: string, changed: () => void): () => void
}

export interface OpenFile {
  /** Writes all bytes one after the other from `at` on, or rejects with the system's error; then any part may be there. */
  write(buffers: readonly Uint8Array[], at: number): Promise<void>
  /** As `write` for a few bytes that readers in other processes look at, done when it returns. */
  writeNow(bytes: Uint8Array, at: number): void
  /** Resolves once all bytes written before the call would survive a power loss. */
  sync(): Promise<void>
  /** Reads up to `into.length` bytes from `at` on; resolves with how many there were. */
  read(into: Uint8Array, at: number): Promise<number>
  sizeBytes(): Promise<number>
  truncate(sizeBytes: number): Promise<void>
  close(): Promise<void>
}
