import { ActionIcon, Button, Divider, Group, Stack, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconPlus } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { EventNameInput } from '../../kit/EventNameInput.tsx'
import { FilterEditor } from '../../kit/FilterEditor.tsx'
import { PropertyNameInput } from '../../kit/PropertyNameInput.tsx'
import { BreakdownLimitInput } from './BreakdownLimitInput.tsx'
import { EditorCard } from './EditorCard.tsx'
import { EMPTY_STEP, moved, STEPS_MAX, STEPS_MIN, type FunnelDraft, type StepDraft } from './funnel-question.ts'
import { WindowInput } from './WindowInput.tsx'

interface FunnelEditorProps {
  readonly draft: FunnelDraft
  readonly onChange: (draft: FunnelDraft) => void
}

const ICON_SIZE = 16

export function FunnelEditor({ draft, onChange }: FunnelEditorProps) {
  const firstEvent = draft.steps[0]?.event ?? ''
  return (
    <>
      <StepsEditor steps={draft.steps} onChange={(steps) => onChange({ ...draft, steps })} />
      <WindowInput seconds={draft.windowSeconds} onChange={(windowSeconds) => onChange({ ...draft, windowSeconds })} />
      <Divider label="For all steps" labelPosition="left" />
      <FilterEditor
        of="of all steps"
        filters={draft.filters}
        event=""
        onChange={(filters) => onChange({ ...draft, filters })}
      />
      <PropertyNameInput
        label="Break down by property of the first step"
        placeholder="None"
        value={draft.breakdown}
        event={firstEvent}
        onCommit={(breakdown) => onChange({ ...draft, breakdown })}
      />
      {draft.breakdown !== '' && (
        <BreakdownLimitInput
          limit={draft.breakdownLimit}
          onChange={(breakdownLimit) => onChange({ ...draft, breakdownLimit })}
        />
      )}
    </>
  )
}

interface StepsEditorProps {
  readonly steps: readonly StepDraft[]
  readonly onChange: (steps: readonly StepDraft[]) => void
}

function StepsEditor({ steps, onChange }: StepsEditorProps) {
  const list = useRef<HTMLDivElement>(null)
  const [lastMove, setLastMove] = useState<{ readonly to: number; readonly by: -1 | 1 }>()
  // The focus goes along with the step that was moved, so that it can be moved again at once.
  useEffect(() => {
    if (lastMove === undefined) return
    const buttons = list.current?.querySelectorAll<HTMLButtonElement>(`[data-step="${String(lastMove.to)}"]`) ?? []
    const [up, down] = buttons
    const wanted = lastMove.by === -1 ? [up, down] : [down, up]
    wanted.find((button) => button?.disabled === false)?.focus()
  }, [lastMove])
  const move = (from: number, by: -1 | 1): void => {
    const next = moved(steps, from, by)
    if (next === steps) return
    onChange(next)
    setLastMove({ to: from + by, by })
  }
  return (
    <Stack gap="sm" ref={list}>
      {steps.map((step, at) => (
        <div
          key={at}
          onKeyDown={(event) => {
            if (!event.altKey || (event.key !== 'ArrowUp' && event.key !== 'ArrowDown')) return
            event.preventDefault()
            move(at, event.key === 'ArrowUp' ? -1 : 1)
          }}
        >
          <StepEditor
            at={at}
            last={steps.length - 1}
            step={step}
            onMove={(by) => move(at, by)}
            onChange={(next) => onChange(steps.map((each, index) => (index === at ? next : each)))}
            onRemove={steps.length > STEPS_MIN ? () => onChange(steps.filter((_, index) => index !== at)) : undefined}
          />
        </div>
      ))}
      <Group>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPlus size={ICON_SIZE} aria-hidden />}
          disabled={steps.length >= STEPS_MAX}
          onClick={() => onChange([...steps, EMPTY_STEP])}
        >
          Step
        </Button>
      </Group>
      <span className="visually-hidden" role="status">
        {lastMove === undefined ? '' : `Moved to place ${String(lastMove.to + 1)}.`}
      </span>
    </Stack>
  )
}

interface StepEditorProps {
  readonly at: number
  readonly last: number
  readonly step: StepDraft
  readonly onMove: (by: -1 | 1) => void
  readonly onChange: (step: StepDraft) => void
  readonly onRemove: (() => void) | undefined
}

function StepEditor({ at, last, step, onMove, onChange, onRemove }: StepEditorProps) {
  const name = `step ${String(at + 1)}`
  return (
    <EditorCard
      name={`Step ${String(at + 1)}`}
      badge={step.name === '' ? String(at + 1) : `${String(at + 1)} · ${step.name}`}
      onRemove={onRemove}
      buttons={
        <>
          <MoveButton at={at} label={`Move ${name} up`} isDisabled={at === 0} onMove={() => onMove(-1)} isUp />
          <MoveButton
            at={at}
            label={`Move ${name} down`}
            isDisabled={at === last}
            onMove={() => onMove(1)}
            isUp={false}
          />
        </>
      }
    >
      <EventNameInput
        label={`Event of ${name}`}
        isLabelHidden
        placeholder="Choose an event"
        value={step.event}
        onCommit={(event) => onChange({ ...step, event, name: '' })}
      />
      <FilterEditor
        of={`of ${name}`}
        filters={step.filters}
        event={step.event}
        onChange={(filters) => onChange({ ...step, filters })}
      />
    </EditorCard>
  )
}

interface MoveButtonProps {
  readonly at: number
  readonly label: string
  readonly isUp: boolean
  readonly isDisabled: boolean
  readonly onMove: () => void
}

function MoveButton({ at, label, isUp, isDisabled, onMove }: MoveButtonProps) {
  const Icon = isUp ? IconArrowUp : IconArrowDown
  return (
    <Tooltip label={`${label} (Alt+${isUp ? '↑' : '↓'})`}>
      <ActionIcon
        variant="subtle"
        color="gray"
        aria-label={label}
        aria-keyshortcuts={isUp ? 'Alt+ArrowUp' : 'Alt+ArrowDown'}
        data-step={at}
        disabled={isDisabled}
        onClick={onMove}
      >
        <Icon size={ICON_SIZE} aria-hidden />
      </ActionIcon>
    </Tooltip>
  )
}
