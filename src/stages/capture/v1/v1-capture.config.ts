import type { CaptureConfig } from '../capture.config.ts'

/** What the v1 wire takes of the settings; see `app/config.ts` for defaults and bounds. */
export interface V1CaptureConfig extends Pick<
  CaptureConfig,
  'eventBytesMax' | 'keysPerEventMax' | 'depthMax' | 'eventNameCharsMax' | 'keysPerRequestMax' | 'eventsPerRequestMax'
> {
  readonly v1BodyBytesMax: number
  readonly v1InflatedBytesMax: number
}
