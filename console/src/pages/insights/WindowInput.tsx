import { Group, NativeSelect } from '@mantine/core'
import { useState } from 'react'
import { WINDOW_SECONDS_MAX, WINDOW_UNITS, windowUnitOf } from './funnel-question.ts'
import { WholeNumberInput } from './WholeNumberInput.tsx'

interface WindowInputProps {
  readonly seconds: number
  readonly onChange: (seconds: number) => void
}

/** How long after the first step the last one may come. */
export function WindowInput({ seconds, onChange }: WindowInputProps) {
  const [chosen, setChosen] = useState<(typeof WINDOW_UNITS)[number]>(() => windowUnitOf(seconds))
  // A window from a link may not be whole in the unit that was chosen before.
  const unit = seconds % chosen.seconds === 0 ? chosen : windowUnitOf(seconds)
  const amount = seconds / unit.seconds
  return (
    <Group gap="sm" align="flex-end" grow preventGrowOverflow={false}>
      <WholeNumberInput
        label="All steps within"
        value={amount}
        min={1}
        max={Math.floor(WINDOW_SECONDS_MAX / unit.seconds)}
        onChange={(next) => onChange(next * unit.seconds)}
      />
      <NativeSelect
        aria-label="Unit of the window"
        value={unit.value}
        data={WINDOW_UNITS.map(({ value, label }) => ({ value, label }))}
        onChange={({ currentTarget: { value } }) => {
          const next = WINDOW_UNITS.find((each) => each.value === value)
          if (next === undefined) return
          setChosen(next)
          onChange(Math.min(Math.max(1, amount), Math.floor(WINDOW_SECONDS_MAX / next.seconds)) * next.seconds)
        }}
      />
    </Group>
  )
}
