import { messageOf } from '../../../kit/failure.ts'
import type { InternalEvent } from '../../../kit/telemetry/telemetry.ts'

export const restoreFailed = (segments: readonly number[], error: unknown): InternalEvent => ({
  emit(to) {
    to.log(
      'error',
      'Keys of damaged index files could not be restored; events that only they can tell about get 503.',
      {
        segments,
        reason: messageOf(error),
      },
    )
  },
})
