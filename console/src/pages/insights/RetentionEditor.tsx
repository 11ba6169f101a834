import { Group, NativeSelect } from '@mantine/core'
import { EventNameInput } from '../../kit/EventNameInput.tsx'
import { FilterEditor } from '../../kit/FilterEditor.tsx'
import { EditorCard } from './EditorCard.tsx'
import { oneOf } from './raw.ts'
import { PERIODS_MAX, RETENTION_INTERVALS, type EventDraft, type RetentionDraft } from './retention-question.ts'
import { WholeNumberInput } from './WholeNumberInput.tsx'

interface RetentionEditorProps {
  readonly draft: RetentionDraft
  readonly onChange: (draft: RetentionDraft) => void
}

export function RetentionEditor({ draft, onChange }: RetentionEditorProps) {
  return (
    <>
      <Group gap="sm" grow preventGrowOverflow={false} align="flex-start">
        <NativeSelect
          label="Interval"
          value={draft.interval}
          onChange={({ currentTarget: { value } }) =>
            onChange({ ...draft, interval: oneOf(value, RETENTION_INTERVALS, draft.interval) })
          }
          data={RETENTION_INTERVALS.map((value) => ({ value, label: `By ${value}` }))}
        />
        <WholeNumberInput
          label={`How many ${draft.interval}s`}
          value={draft.periods}
          min={1}
          max={PERIODS_MAX}
          onChange={(periods) => onChange({ ...draft, periods })}
        />
      </Group>
      <EventEditor name="Start" badge="Who did" of={draft.start} onChange={(start) => onChange({ ...draft, start })} />
      <EventEditor
        name="Return"
        badge="and came back for"
        of={draft.back}
        onChange={(back) => onChange({ ...draft, back })}
      />
    </>
  )
}

interface EventEditorProps {
  readonly name: string
  readonly badge: string
  readonly of: EventDraft
  readonly onChange: (draft: EventDraft) => void
}

function EventEditor({ name, badge, of: draft, onChange }: EventEditorProps) {
  const lower = name.toLowerCase()
  return (
    <EditorCard name={`${name} event`} badge={badge}>
      <EventNameInput
        label={`${name} event`}
        isLabelHidden
        placeholder="Any event"
        value={draft.event}
        onCommit={(event) => onChange({ ...draft, event })}
      />
      <FilterEditor
        of={`of the ${lower} event`}
        filters={draft.filters}
        event={draft.event}
        onChange={(filters) => onChange({ ...draft, filters })}
      />
    </EditorCard>
  )
}
