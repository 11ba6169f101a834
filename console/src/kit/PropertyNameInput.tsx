import { SuggestInput } from './SuggestInput.tsx'
import { usePropertyNames } from './suggestions.ts'

interface PropertyNameInputProps {
  readonly label: string
  readonly isLabelHidden?: boolean
  readonly placeholder?: string
  readonly value: string
  readonly onCommit: (value: string) => void
  /** Suggests the properties of this event; empty: of any. */
  readonly event: string
  readonly hasFocusAtFirst?: boolean
}

export function PropertyNameInput({ event, ...rest }: PropertyNameInputProps) {
  return <SuggestInput placeholder="Property" {...rest} suggestions={usePropertyNames(event)} />
}
