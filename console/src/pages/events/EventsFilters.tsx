import { Box, Group, NativeSelect, Paper, Stack, TextInput } from '@mantine/core'
import { EventNameInput } from '../../kit/EventNameInput.tsx'
import { isoFromLocal, localTimeFrom, PERIODS, type EventsPeriod, type EventsSearch } from './events-search.ts'
import { FilterEditor } from '../../kit/FilterEditor.tsx'
import { SuggestInput } from '../../kit/SuggestInput.tsx'

interface EventsFiltersProps {
  readonly search: EventsSearch
  readonly onChange: (search: EventsSearch) => void
}

const DAY_MS = 86_400_000

export function EventsFilters({ search, onChange }: EventsFiltersProps) {
  const { period } = search
  const chosen = period.kind === 'last' ? String(period.hours) : period.kind
  const known = PERIODS.some((each) => each.value === chosen)
  const choose = (value: string): void => onChange({ ...search, period: periodOf(value) })
  return (
    <Paper withBorder p="sm" mb="md" component="section" aria-label="Which events">
      <Stack gap="sm">
        <Group gap="sm" align="flex-end">
          <Box flex="1 1 14rem">
            <EventNameInput
              label="Event"
              placeholder="All events"
              value={search.event}
              onCommit={(event) => onChange({ ...search, event })}
            />
          </Box>
          <Box flex="1 1 8rem">
            <SuggestInput
              label="Distinct id"
              placeholder="Everybody"
              value={search.distinctId}
              onCommit={(distinctId) => onChange({ ...search, distinctId })}
              suggestions={[]}
            />
          </Box>
          <NativeSelect
            flex="1 1 8rem"
            label="Time"
            value={chosen}
            onChange={(event) => choose(event.currentTarget.value)}
            data={[...PERIODS, ...(known ? [] : [{ value: chosen, label: `Last ${chosen} hours` }])]}
          />
        </Group>
        {period.kind === 'between' && (
          <Group gap="sm" grow preventGrowOverflow={false}>
            <TextInput
              type="datetime-local"
              label="From (included)"
              value={localTimeFrom(period.after)}
              onChange={({ currentTarget: { value } }) =>
                onChange({ ...search, period: { ...period, after: isoFromLocal(value) } })
              }
            />
            <TextInput
              type="datetime-local"
              label="To (not included)"
              value={localTimeFrom(period.before)}
              error={
                period.after !== '' && period.before !== '' && period.after >= period.before
                  ? 'This is not after the start.'
                  : undefined
              }
              onChange={({ currentTarget: { value } }) =>
                onChange({ ...search, period: { ...period, before: isoFromLocal(value) } })
              }
            />
          </Group>
        )}
        <FilterEditor
          of="of the events"
          filters={search.filters}
          event={search.event}
          onChange={(filters) => onChange({ ...search, filters })}
        />
      </Stack>
    </Paper>
  )
}

function periodOf(value: string): EventsPeriod {
  if (value === 'any') return { kind: 'any' }
  if (value !== 'between') return { kind: 'last', hours: Number(value) }
  return { kind: 'between', after: new Date(Date.now() - DAY_MS).toISOString().slice(0, 16) + ':00.000Z', before: '' }
}
