import { ActionIcon, Box, Button, Group, NativeSelect, Stack, Tooltip } from '@mantine/core'
import { IconFilterPlus, IconX } from '@tabler/icons-react'
import { useState } from 'react'
import { FilterValueInput } from './FilterValueInput.tsx'
import {
  EMPTY_FILTER,
  FILTERS_MAX,
  isFilterOperator,
  OPERATOR_WORDS,
  withOperator,
  type FilterDraft,
} from './property-filter.ts'
import { PropertyNameInput } from './PropertyNameInput.tsx'

interface FilterEditorProps {
  /** Which filters these are, for screen readers: "of step 2". */
  readonly of: string
  readonly filters: readonly FilterDraft[]
  readonly onChange: (filters: readonly FilterDraft[]) => void
  /** Suggests properties and values of this event; empty: of any. */
  readonly event: string
}

const OPERATORS = Object.entries(OPERATOR_WORDS).map(([value, label]) => ({ value, label }))
const ICON_SIZE = 16

/** Property filters, all of which must hold. A row that is not whole yet does not narrow anything. */
export function FilterEditor({ of, filters, onChange, event }: FilterEditorProps) {
  // A row without a property is nothing that a link could keep.
  const [added, setAdded] = useState<FilterDraft>()
  const rows = added === undefined ? filters : [...filters, added]
  const replace = (at: number, draft: FilterDraft): void => {
    if (at < filters.length) onChange(filters.map((each, index) => (index === at ? draft : each)))
    else if (draft.property === '') setAdded(draft)
    else {
      setAdded(undefined)
      onChange([...filters, draft])
    }
  }
  const remove = (at: number): void => {
    if (at === filters.length) setAdded(undefined)
    else onChange(filters.filter((_, index) => index !== at))
  }
  return (
    <Stack gap={6} role="group" aria-label={`Property filters ${of}`}>
      {rows.map((draft, at) => {
        const name = `filter ${String(at + 1)} ${of}`
        return (
          <Group key={at} gap={6} align="flex-start" wrap="nowrap">
            <Group gap={6} align="flex-start" flex={1} miw={0}>
              <Box flex="1 1 9rem" miw={0}>
                <PropertyNameInput
                  label={`Property of ${name}`}
                  isLabelHidden
                  value={draft.property}
                  event={event}
                  hasFocusAtFirst={draft.property === ''}
                  onCommit={(property) =>
                    property === '' ? remove(at) : replace(at, { ...draft, property: property.slice(0, 200) })
                  }
                />
              </Box>
              <NativeSelect
                flex="0 1 9.5rem"
                aria-label={`Operator of ${name}`}
                data={OPERATORS}
                value={draft.operator}
                onChange={({ currentTarget: { value } }) => {
                  if (isFilterOperator(value)) replace(at, withOperator(draft, value))
                }}
              />
              <Box flex="2 1 11rem" miw={0}>
                <FilterValueInput
                  label={`Value of ${name}`}
                  draft={draft}
                  event={event}
                  onChange={(values) => replace(at, { ...draft, values })}
                />
              </Box>
            </Group>
            <Tooltip label="Remove this filter">
              <ActionIcon
                variant="subtle"
                color="gray"
                size="input-sm"
                aria-label={`Remove ${name}`}
                onClick={() => remove(at)}
              >
                <IconX size={ICON_SIZE} aria-hidden />
              </ActionIcon>
            </Tooltip>
          </Group>
        )
      })}
      <Box>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconFilterPlus size={ICON_SIZE} aria-hidden />}
          onClick={() => setAdded(EMPTY_FILTER)}
          disabled={added !== undefined || filters.length >= FILTERS_MAX}
          aria-label={`Add a property filter ${of}`}
        >
          Filter
        </Button>
      </Box>
    </Stack>
  )
}
