import { Autocomplete, Group, Text } from '@mantine/core'
import type { ComboboxItem, OptionsFilter } from '@mantine/core'
import { useState } from 'react'
import { formatShort } from './numbers.ts'
import type { Suggestion } from './suggestions.ts'

interface SuggestInputProps {
  readonly label: string
  /** Whether the label is seen or only read out. */
  readonly isLabelHidden?: boolean
  readonly placeholder?: string
  readonly value: string
  /** Called when the text is final: chosen, or left by Enter or by going elsewhere. */
  readonly onCommit: (value: string) => void
  readonly suggestions: readonly Suggestion[]
  readonly onType?: (text: string) => void
  readonly hasFocusAtFirst?: boolean
  readonly inputMode?: 'text' | 'decimal'
}

const OPTIONS_MAX = 100

/** A text input with suggestions. Half a name is no question, so nothing is asked while somebody types. */
export function SuggestInput(props: SuggestInputProps) {
  const { label, value, onCommit, suggestions, onType } = props
  const [text, setText] = useState(value)
  const [seen, setSeen] = useState(value)
  const [isOpen, setOpen] = useState(false)
  if (seen !== value) {
    setSeen(value)
    setText(value)
  }
  const change = (next: string): void => {
    setText(next)
    onType?.(next)
  }
  const commit = (next: string): void => {
    if (next !== value) onCommit(next)
  }
  const counts = new Map(suggestions.map((each) => [each.value, each.count]))
  return (
    <Autocomplete
      {...(props.isLabelHidden === true ? { 'aria-label': label } : { label })}
      placeholder={props.placeholder ?? ''}
      value={text}
      onChange={change}
      onOptionSubmit={commit}
      onBlur={() => commit(text.trim())}
      onKeyDown={(event) => {
        // With an option marked, Enter chooses it, and `onOptionSubmit` hears of it.
        if (event.key !== 'Enter' || hasMarkedOption(event.currentTarget)) return
        commit(text.trim())
        setOpen(false)
      }}
      dropdownOpened={isOpen}
      onDropdownOpen={() => setOpen(true)}
      onDropdownClose={() => setOpen(false)}
      data={[...counts.keys()]}
      filter={filterUnless(value)}
      limit={OPTIONS_MAX}
      clearable
      onClear={() => commit('')}
      autoFocus={props.hasFocusAtFirst === true}
      inputMode={props.inputMode ?? 'text'}
      maxLength={200}
      comboboxProps={{ shadow: 'md', width: 'max-content', position: 'bottom-start' }}
      styles={{ dropdown: { minWidth: 200, maxWidth: 'min(90vw, 32rem)' } }}
      renderOption={({ option }) => {
        const count = counts.get(option.value)
        return (
          <Group justify="space-between" gap="md" wrap="nowrap" w="100%">
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              {option.value}
            </Text>
            {count !== undefined && (
              <Text size="xs" c="dimmed" title={`Seen ${formatShort(count)} times lately`}>
                {formatShort(count)}
              </Text>
            )}
          </Group>
        )
      }}
    />
  )
}

/** `aria-activedescendant` does not tell: it keeps naming an option that was marked before. */
function hasMarkedOption(input: HTMLInputElement): boolean {
  const list = document.getElementById(input.getAttribute('aria-controls') ?? '')
  return list !== null && list.querySelector('[data-combobox-selected]') !== null
}

/** All suggestions while the text is still what was there before; those that contain it once something is typed. */
function filterUnless(value: string): OptionsFilter {
  return ({ options, search, limit }) => {
    const wanted = search.trim().toLowerCase()
    const items = options.filter((option): option is ComboboxItem => 'value' in option)
    const left =
      search === value || wanted === '' ? items : items.filter((item) => item.label.toLowerCase().includes(wanted))
    return left.slice(0, limit)
  }
}
