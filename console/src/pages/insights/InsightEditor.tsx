import { Paper, Stack } from '@mantine/core'
import { FunnelEditor } from './FunnelEditor.tsx'
import type { InsightQuestion } from './insight-question.ts'
import { RangeEditor } from './RangeEditor.tsx'
import { RetentionEditor } from './RetentionEditor.tsx'
import { spanOf } from './time-range.ts'
import { TrendEditor } from './TrendEditor.tsx'

interface InsightEditorProps {
  readonly question: InsightQuestion
  readonly onChange: (question: InsightQuestion) => void
}

export function InsightEditor({ question, onChange }: InsightEditorProps) {
  return (
    <Paper withBorder p="sm" component="section" aria-label="The question">
      <Stack gap="sm">
        <RangeEditor
          range={question.range}
          timeZone={question.timeZone}
          onRange={(range) => onChange({ ...question, range })}
          onTimeZone={(timeZone) => onChange({ ...question, timeZone })}
        />
        {question.kind === 'trend' && (
          <TrendEditor
            draft={question.draft}
            span={spanOf(question.range, new Date(), question.timeZone)}
            onChange={(draft) => onChange({ ...question, draft })}
          />
        )}
        {question.kind === 'funnel' && (
          <FunnelEditor draft={question.draft} onChange={(draft) => onChange({ ...question, draft })} />
        )}
        {question.kind === 'retention' && (
          <RetentionEditor draft={question.draft} onChange={(draft) => onChange({ ...question, draft })} />
        )}
      </Stack>
    </Paper>
  )
}
