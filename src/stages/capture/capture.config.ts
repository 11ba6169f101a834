/** What the capture stage takes of the settings; see `app/config.ts` for defaults and bounds. */
export interface CaptureConfig {
  readonly bodyBytesMax: number
  readonly inflatedBytesMax: number
  readonly readingBytesMax: number
  readonly bodyStallMsMax: number
  readonly eventBytesMax: number
  readonly keysPerEventMax: number
  readonly depthMax: number
  readonly eventNameCharsMax: number
  readonly keysPerRequestMax: number
  readonly eventsPerRequestMax: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  readonly connectionsMax: number
  readonly recordingBodyBytesMax: number
  readonly recordingInflatedBytesMax: number
  readonly recordingDepthMax: number
}
