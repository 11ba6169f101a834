import { ActionIcon, Box, Button, Group, NativeSelect, Tooltip } from '@mantine/core'
import { IconArrowsSplit2, IconX } from '@tabler/icons-react'
import { PropertyNameInput } from '../../kit/PropertyNameInput.tsx'
import { BreakdownLimitInput } from './BreakdownLimitInput.tsx'
import { BREAKDOWNS_MAX, type BreakdownDraft, type TrendDraft } from './trend-question.ts'

interface BreakdownEditorProps {
  readonly draft: TrendDraft
  readonly onChange: (draft: TrendDraft) => void
}

const ICON_SIZE = 16

export function BreakdownEditor({ draft, onChange }: BreakdownEditorProps) {
  const { breakdowns } = draft
  const set = (next: readonly BreakdownDraft[]): void => onChange({ ...draft, breakdowns: next })
  const replace = (at: number, next: BreakdownDraft): void =>
    set(breakdowns.map((each, index) => (index === at ? next : each)))
  return (
    <>
      {breakdowns.map((breakdown, at) => {
        const name = `breakdown ${String(at + 1)}`
        return (
          <Group
            key={at}
            gap={6}
            align="flex-start"
            wrap="nowrap"
            role="group"
            aria-label={`Breakdown ${String(at + 1)}`}
          >
            <NativeSelect
              flex="0 0 7.5rem"
              aria-label={`What ${name} goes by`}
              value={breakdown.kind}
              onChange={(event) =>
                replace(
                  at,
                  event.currentTarget.value === 'event' ? { kind: 'event' } : { kind: 'property', property: '' },
                )
              }
              data={[
                { value: 'property', label: 'Property' },
                { value: 'event', label: 'Event' },
              ]}
            />
            <Box flex={1} miw={0}>
              {breakdown.kind === 'property' && (
                <PropertyNameInput
                  label={`Property of ${name}`}
                  isLabelHidden
                  value={breakdown.property}
                  event={draft.series.length === 1 ? (draft.series[0]?.event ?? '') : ''}
                  hasFocusAtFirst={breakdown.property === ''}
                  onCommit={(property) => replace(at, { kind: 'property', property })}
                />
              )}
            </Box>
            <Tooltip label="Remove this breakdown">
              <ActionIcon
                variant="subtle"
                color="gray"
                size="input-sm"
                aria-label={`Remove ${name}`}
                onClick={() => set(breakdowns.filter((_, index) => index !== at))}
              >
                <IconX size={ICON_SIZE} aria-hidden />
              </ActionIcon>
            </Tooltip>
          </Group>
        )
      })}
      {breakdowns.length > 0 && (
        <BreakdownLimitInput
          limit={draft.breakdownLimit}
          onChange={(breakdownLimit) => onChange({ ...draft, breakdownLimit })}
        />
      )}
      <Group>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconArrowsSplit2 size={ICON_SIZE} aria-hidden />}
          disabled={breakdowns.length >= BREAKDOWNS_MAX}
          aria-label="Add a breakdown"
          onClick={() => set([...breakdowns, { kind: 'property', property: '' }])}
        >
          Breakdown
        </Button>
      </Group>
    </>
  )
}
