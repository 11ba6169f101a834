import { NumberInput } from '@mantine/core'
import { useState } from 'react'

interface WholeNumberInputProps {
  readonly label: string
  readonly description?: string
  readonly value: number
  readonly min: number
  readonly max: number
  readonly onChange: (value: number) => void
}

/** Half-typed and out-of-range numbers stay in the input; what comes out is always a number within the bounds. */
export function WholeNumberInput({ label, description, value, min, max, onChange }: WholeNumberInputProps) {
  const [typed, setTyped] = useState<number | string>(value)
  const [seen, setSeen] = useState(value)
  if (seen !== value) {
    setSeen(value)
    setTyped(value)
  }
  return (
    <NumberInput
      label={label}
      {...(description === undefined ? {} : { description })}
      value={typed}
      min={min}
      max={max}
      allowDecimal={false}
      allowNegative={false}
      clampBehavior="blur"
      onChange={(next) => {
        setTyped(next)
        if (typeof next === 'number' && next >= min && next <= max) onChange(next)
      }}
      onBlur={() => setTyped(value)}
    />
  )
}
