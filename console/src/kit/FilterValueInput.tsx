import { TagsInput } from '@mantine/core'
import { useState } from 'react'
import { valueKindOf, type FilterDraft } from './property-filter.ts'
import { SuggestInput } from './SuggestInput.tsx'
import { usePropertyValues } from './suggestions.ts'

interface FilterValueInputProps {
  readonly label: string
  readonly draft: FilterDraft
  readonly event: string
  readonly onChange: (values: readonly string[]) => void
}

export function FilterValueInput({ label, draft, event, onChange }: FilterValueInputProps) {
  const [typed, setTyped] = useState('')
  const seen = usePropertyValues({ property: draft.property, event, search: typed === draft.values[0] ? '' : typed })
  const kind = valueKindOf(draft.operator)
  if (kind === 'none') return null
  if (kind === 'list')
    return (
      <TagsInput
        aria-label={label}
        placeholder={draft.values.length === 0 ? 'Values, each with Enter' : ''}
        value={[...draft.values]}
        onChange={onChange}
        searchValue={typed}
        onSearchChange={setTyped}
        data={[...new Set(seen.map((each) => each.value))].filter((value) => value !== '')}
        splitChars={[]}
        comboboxProps={{ shadow: 'md' }}
        limit={50}
      />
    )
  return (
    <SuggestInput
      label={label}
      isLabelHidden
      placeholder={kind === 'number' ? 'Number' : draft.operator.endsWith('regex') ? 'Regular expression' : 'Text'}
      value={draft.values[0] ?? ''}
      onCommit={(value) => onChange(value === '' ? [] : [value])}
      suggestions={kind === 'number' ? [] : seen}
      onType={setTyped}
      inputMode={kind === 'number' ? 'decimal' : 'text'}
    />
  )
}
