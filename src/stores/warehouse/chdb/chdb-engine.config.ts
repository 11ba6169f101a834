export interface ChdbEngineConfig {
  readonly folder: string
  /** Of everything the engine does, questions and merges together. */
  readonly memoryBytesMax: number
  /** Of each of the caches of marks and primary keys; smaller ones get a quarter. */
  readonly cacheBytesMax: number
  /** Threads that merge. */
  readonly backgroundThreads: number
}

export const chdbEngineDefaults: Omit<ChdbEngineConfig, 'folder'> = {
  memoryBytesMax: 2 * 1024 ** 3,
  cacheBytesMax: 64 * 1024 ** 2,
  backgroundThreads: 2,
}
