import { Button, Divider, Group, Input, NativeSelect, SegmentedControl, Switch } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { EventNameInput } from '../../kit/EventNameInput.tsx'
import { FilterEditor } from '../../kit/FilterEditor.tsx'
import { PropertyNameInput } from '../../kit/PropertyNameInput.tsx'
import { BreakdownEditor } from './BreakdownEditor.tsx'
import { EditorCard } from './EditorCard.tsx'
import { oneOf } from './raw.ts'
import { fittingInterval, intervalCount, INTERVALS, INTERVALS_MAX, type Span } from './time-range.ts'
import {
  EMPTY_SERIES,
  letterOf,
  MATH_WORDS,
  mathNeedsProperty,
  MATHS,
  SERIES_MAX,
  type SeriesDraft,
  type TrendDraft,
} from './trend-question.ts'

interface TrendEditorProps {
  readonly draft: TrendDraft
  readonly span: Span
  readonly onChange: (draft: TrendDraft) => void
}

const ICON_SIZE = 16
const MATH_OPTIONS = MATHS.map((value) => ({ value, label: MATH_WORDS[value] }))

export function TrendEditor({ draft, span, onChange }: TrendEditorProps) {
  const setSeries = (series: readonly SeriesDraft[]): void => onChange({ ...draft, series })
  return (
    <>
      {draft.series.map((series, at) => (
        <SeriesEditor
          key={at}
          letter={letterOf(at)}
          series={series}
          onChange={(next) => setSeries(draft.series.map((each, index) => (index === at ? next : each)))}
          onRemove={
            draft.series.length > 1 ? () => setSeries(draft.series.filter((_, index) => index !== at)) : undefined
          }
        />
      ))}
      <Group>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconPlus size={ICON_SIZE} aria-hidden />}
          disabled={draft.series.length >= SERIES_MAX}
          onClick={() => setSeries([...draft.series, EMPTY_SERIES])}
        >
          Series
        </Button>
      </Group>
      <Divider label="For all series" labelPosition="left" />
      <FilterEditor
        of="of all series"
        filters={draft.filters}
        event={draft.series.length === 1 ? (draft.series[0]?.event ?? '') : ''}
        onChange={(filters) => onChange({ ...draft, filters })}
      />
      <BreakdownEditor draft={draft} onChange={onChange} />
      <Divider label="Over time" labelPosition="left" />
      <Group gap="sm" align="flex-end" grow preventGrowOverflow={false}>
        <NativeSelect
          label="Interval"
          value={fittingInterval(span, draft.interval)}
          onChange={({ currentTarget: { value } }) =>
            onChange({ ...draft, interval: oneOf(value, INTERVALS, draft.interval) })
          }
          data={INTERVALS.map((value) => ({
            value,
            label: `By ${value}`,
            disabled: intervalCount(span, value) > INTERVALS_MAX,
          }))}
        />
        <Input.Wrapper label="Drawn as" labelElement="div">
          <SegmentedControl
            fullWidth
            aria-label="Drawn as"
            value={draft.chart}
            onChange={(chart) => onChange({ ...draft, chart })}
            data={[
              { value: 'line', label: 'Lines' },
              { value: 'bar', label: 'Bars' },
            ]}
          />
        </Input.Wrapper>
      </Group>
      <Switch
        label="Compare with the period before"
        checked={draft.compare}
        onChange={(event) => onChange({ ...draft, compare: event.currentTarget.checked })}
      />
    </>
  )
}

interface SeriesEditorProps {
  readonly letter: string
  readonly series: SeriesDraft
  readonly onChange: (series: SeriesDraft) => void
  readonly onRemove: (() => void) | undefined
}

function SeriesEditor({ letter, series, onChange, onRemove }: SeriesEditorProps) {
  return (
    <EditorCard
      name={`Series ${letter}`}
      badge={series.name === '' ? letter : `${letter} · ${series.name}`}
      onRemove={onRemove}
    >
      <EventNameInput
        label={`Event of series ${letter}`}
        isLabelHidden
        placeholder="All events"
        value={series.event}
        onCommit={(event) => onChange({ ...series, event, name: '' })}
      />
      <NativeSelect
        aria-label={`What to count in series ${letter}`}
        value={series.math}
        onChange={({ currentTarget: { value } }) => onChange({ ...series, math: oneOf(value, MATHS, series.math) })}
        data={MATH_OPTIONS}
      />
      {mathNeedsProperty(series.math) && (
        <PropertyNameInput
          label={`Property to compute with in series ${letter}`}
          isLabelHidden
          placeholder="Property with numbers"
          value={series.property}
          event={series.event}
          onCommit={(property) => onChange({ ...series, property })}
        />
      )}
      <FilterEditor
        of={`of series ${letter}`}
        filters={series.filters}
        event={series.event}
        onChange={(filters) => onChange({ ...series, filters })}
      />
    </EditorCard>
  )
}
