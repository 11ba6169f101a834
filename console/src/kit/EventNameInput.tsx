import { useState } from 'react'
import { SuggestInput } from './SuggestInput.tsx'
import { useEventNames } from './suggestions.ts'

interface EventNameInputProps {
  readonly label: string
  readonly isLabelHidden?: boolean
  readonly placeholder: string
  readonly value: string
  readonly onCommit: (value: string) => void
}

export function EventNameInput(props: EventNameInputProps) {
  const [typed, setTyped] = useState('')
  // What is chosen already is no search: opening the list shows the most frequent names.
  const names = useEventNames(typed === props.value ? '' : typed)
  return <SuggestInput {...props} suggestions={names} onType={setTyped} />
}
