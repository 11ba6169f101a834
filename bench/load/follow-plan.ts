/** What the readers of a live stream are asked for, and what they answer; both travel as JSON between two processes. */
export interface FollowPlan {
  readonly port: number
  readonly path: string
  readonly authorization: string
  /** These read as fast as bytes come. */
  readonly readers: number
  /** These never read what comes. */
  readonly stuckReaders: number
}

export interface FollowResult {
  /** Of all readers that read. */
  readonly bytes: number
  /** Streams that were over before they were let go. */
  readonly ended: number
}
