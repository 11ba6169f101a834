import type { InternalEvent } from '../../kit/telemetry/telemetry.ts'
import type { GapReason } from './event-frames.ts'

export const readersChanged = (readers: number): InternalEvent => ({
  emit(to) {
    to.gauge('live_readers', readers)
  },
})

export const readerTurnedAway = (readers: number): InternalEvent => ({
  emit(to) {
    to.count('live_readers_turned_away_total')
    to.log('warn', 'A live stream was refused: there are as many readers as there may be (live.readersMax).', {
      readers,
    })
  },
})

export const eventsDelivered = (events: number): InternalEvent => ({
  emit(to) {
    to.count('live_events_delivered_total', events)
  },
})

/** Counted a reader: what 200 readers miss is missed 200 times. */
export const eventsLeftOut = (events: number, reason: GapReason): InternalEvent => ({
  emit(to) {
    to.count('live_events_left_out_total', events, { reason })
  },
})

/** A reader came back and cannot be told all that it missed. */
export const resumedWithGap = (reason: GapReason): InternalEvent => ({
  emit(to) {
    to.count('live_resumes_with_gap_total', 1, { reason })
  },
})

export const batchesPassedBy = (): InternalEvent => ({
  emit(to) {
    to.count('live_feed_interruptions_total')
    to.log('info', 'Ingestion went on elsewhere than where it stopped: all live streams were ended and may come back.')
  },
})

export const feedBroke = (error: unknown): InternalEvent => ({
  emit(to) {
    to.count('live_feed_failures_total')
    to.log('error', 'The live feed broke off and all live streams were ended; events are stored all the same.', {
      error,
    })
  },
})
