import { Box, Button, Group, Paper, SimpleGrid, Stack, Text } from '@mantine/core'
import { useId, useState } from 'react'
import { FunnelEditor } from './FunnelEditor.tsx'
import type { InsightQuestion } from './insight-question.ts'
import { sayQuestion } from './question-words.ts'
import { RangeEditor } from './RangeEditor.tsx'
import { RetentionEditor } from './RetentionEditor.tsx'
import { spanOf } from './time-range.ts'
import { TrendEditor } from './TrendEditor.tsx'

interface InsightEditorProps {
  readonly question: InsightQuestion
  /** What the question still lacks; undefined: nothing. */
  readonly gap: string | undefined
  readonly onChange: (question: InsightQuestion) => void
}

/** Where the answer stands below it and not beside it, it is folded to one line unless somebody edits. */
export function InsightEditor({ question, gap, onChange }: InsightEditorProps) {
  const [isOpen, setOpen] = useState(gap !== undefined)
  const id = useId()
  return (
    <Paper withBorder p="sm" component="section" aria-label="The question">
      <Group hiddenFrom="md" justify="space-between" wrap="nowrap" gap="sm" align="flex-start">
        <Text size="sm" miw={0} style={{ overflowWrap: 'anywhere' }}>
          {gap ?? sayQuestion(question)}
        </Text>
        <Button
          size="xs"
          variant="default"
          aria-expanded={isOpen}
          aria-controls={id}
          aria-label={isOpen ? 'Fold the question' : 'Edit the question'}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? 'Fold' : 'Edit'}
        </Button>
      </Group>
      <Box id={id} mt={{ base: 'sm', md: 0 }} {...(isOpen ? {} : { visibleFrom: 'md' })}>
        <Fields question={question} onChange={onChange} />
      </Box>
    </Paper>
  )
}

function Fields({ question, onChange }: Pick<InsightEditorProps, 'question' | 'onChange'>) {
  const range = (
    <RangeEditor
      range={question.range}
      timeZone={question.timeZone}
      onRange={(next) => onChange({ ...question, range: next })}
      onTimeZone={(timeZone) => onChange({ ...question, timeZone })}
    />
  )
  if (question.kind === 'retention')
    return (
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="sm" verticalSpacing="sm">
        <Stack gap="sm">{range}</Stack>
        <RetentionEditor draft={question.draft} onChange={(draft) => onChange({ ...question, draft })} />
      </SimpleGrid>
    )
  return (
    <Stack gap="sm">
      {range}
      {question.kind === 'trend' ? (
        <TrendEditor
          draft={question.draft}
          span={spanOf(question.range, new Date(), question.timeZone)}
          onChange={(draft) => onChange({ ...question, draft })}
        />
      ) : (
        <FunnelEditor draft={question.draft} onChange={(draft) => onChange({ ...question, draft })} />
      )}
    </Stack>
  )
}
