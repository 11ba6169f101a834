import { Text } from '@mantine/core'
import { countOf } from './numbers.ts'
import { TimeText } from './TimeText.tsx'

interface CompletenessProps {
  /** Any answer to a question. */
  readonly of: {
    readonly complete_through: string
    readonly waiting_events: number
    readonly parked_events: number
  }
}

/** How complete an answer is: what was accepted after `complete_through` may be missing from it. */
export function Completeness({ of: answer }: CompletenessProps) {
  return (
    <Text size="sm" c="dimmed">
      Complete through <TimeText time={answer.complete_through} show="exact" />
      {answer.waiting_events > 0 && ` · ${countOf(answer.waiting_events, 'event')} waiting`}
      {answer.parked_events > 0 && ` · ${countOf(answer.parked_events, 'event')} parked (see Health)`}
    </Text>
  )
}
