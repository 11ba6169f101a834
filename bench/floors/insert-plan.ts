export interface InsertOptions {
  /** For a warehouse of its own. */
  readonly folder: string
  readonly rows: number
  /** As many as the warehouse writer puts into one block. */
  readonly rowsPerBlock: number
}

export interface InsertResult {
  readonly cpuUsPerRow: number
  readonly rowsPerSecond: number
}
