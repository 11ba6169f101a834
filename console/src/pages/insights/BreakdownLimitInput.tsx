import { BREAKDOWN_LIMIT_MAX } from './trend-question.ts'
import { WholeNumberInput } from './WholeNumberInput.tsx'

interface BreakdownLimitInputProps {
  readonly limit: number
  readonly onChange: (limit: number) => void
}

export function BreakdownLimitInput({ limit, onChange }: BreakdownLimitInputProps) {
  return (
    <WholeNumberInput
      label="Values to show"
      description="The most frequent ones; the rest is shown as one, “All others”."
      value={limit}
      min={1}
      max={BREAKDOWN_LIMIT_MAX}
      onChange={onChange}
    />
  )
}
