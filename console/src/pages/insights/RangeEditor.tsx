import { Group, NativeSelect, TextInput } from '@mantine/core'
import { daysOf, PRESETS, presetOf, rangeOfDays, spanOf, type TimeRange } from './time-range.ts'

interface RangeEditorProps {
  readonly range: TimeRange
  readonly timeZone: string
  readonly onRange: (range: TimeRange) => void
  readonly onTimeZone: (timeZone: string) => void
}

const ZONE_HERE = Intl.DateTimeFormat().resolvedOptions().timeZone

export function RangeEditor({ range, timeZone, onRange, onTimeZone }: RangeEditorProps) {
  const chosen = presetOf(range)
  const isOwn = range.kind === 'rolling' && !PRESETS.some((preset) => preset.value === chosen)
  const zones = [...new Set([ZONE_HERE, 'UTC', timeZone])]
  const span = spanOf(range, new Date(), timeZone)
  const days = daysOf(span, timeZone)
  const choose = (value: string): void => {
    const preset = PRESETS.find((each) => each.value === value)
    if (preset !== undefined) onRange(preset.range)
    else if (value === 'fixed') onRange({ kind: 'fixed', ...span })
  }
  const setDays = (first: string, last: string): void => {
    const next = rangeOfDays(first, last, timeZone)
    if (next !== undefined) onRange(next)
  }
  return (
    <>
      <Group gap="sm" grow preventGrowOverflow={false}>
        <NativeSelect
          label="Range"
          value={chosen}
          onChange={(event) => choose(event.currentTarget.value)}
          data={[
            ...PRESETS.map(({ value, label }) => ({ value, label })),
            ...(isOwn ? [{ value: chosen, label: `Last ${String(range.amount)} ${range.unit}s` }] : []),
            { value: 'fixed', label: 'Between two days…' },
          ]}
        />
        <NativeSelect
          label="Time zone"
          value={timeZone}
          onChange={(event) => onTimeZone(event.currentTarget.value)}
          data={zones}
        />
      </Group>
      {range.kind === 'fixed' && (
        <Group gap="sm" grow preventGrowOverflow={false}>
          <TextInput
            type="date"
            label="First day"
            value={days.first}
            max={days.last}
            onChange={(event) => setDays(event.currentTarget.value, days.last)}
          />
          <TextInput
            type="date"
            label="Last day"
            value={days.last}
            min={days.first}
            onChange={(event) => setDays(days.first, event.currentTarget.value)}
          />
        </Group>
      )}
    </>
  )
}
