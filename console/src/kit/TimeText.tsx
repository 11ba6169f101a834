import { Text } from '@mantine/core'
import { useNow } from './now.ts'
import { exactTime, relativeTime } from './time-words.ts'

interface TimeTextProps {
  /** As the API writes it. */
  readonly time: string
  /** `relative` says "3 minutes ago" and shows the exact time on hover; `exact` the other way round. */
  readonly show?: 'relative' | 'exact'
}

export function TimeText({ time, show = 'relative' }: TimeTextProps) {
  const now = useNow()
  const at = new Date(time)
  if (Number.isNaN(at.getTime())) return <span>{time}</span>
  // The clocks of server and browser differ a little; what has happened is never in the future.
  const near = relativeTime(at.getTime() > now.getTime() && at.getTime() - now.getTime() < 60_000 ? now : at, now)
  const exact = exactTime(at)
  return (
    <Text
      component="time"
      inherit
      dateTime={time}
      title={show === 'relative' ? exact : near}
      style={{ whiteSpace: 'nowrap', fontVariantNumeric: 'tabular-nums' }}
    >
      {show === 'relative' ? near : exact}
    </Text>
  )
}
