import { Button, Group, SegmentedControl, Text } from '@mantine/core'
import { IconDownload } from '@tabler/icons-react'
import { lazy, Suspense, useMemo, useState } from 'react'
import type { AnswerTo } from '../../api/client.ts'
import { Completeness } from '../../kit/Completeness.tsx'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { countOf } from '../../kit/numbers.ts'
import { duration } from '../../kit/time-words.ts'
import { chartOf } from './answer-chart.ts'
import { csvOf } from './csv.ts'
import { downloadText } from './download.ts'
import { ResultTable } from './ResultTable.tsx'

export type SqlAnswer = AnswerTo<'/api/projects/{id}/sql', 'post'>

const ResultChart = lazy(() => import('./ResultChart.tsx').then((file) => ({ default: file.ResultChart })))

export function SqlResult({ answer, isStale }: { readonly answer: SqlAnswer; readonly isStale: boolean }) {
  const chart = useMemo(() => chartOf(answer), [answer])
  const [view, setView] = useState('table')
  const download = (): void => {
    const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-')
    downloadText(`sluice-${stamp}.csv`, csvOf(answer), 'text/csv;charset=utf-8')
  }
  return (
    <section aria-label="Answer">
      <Group justify="space-between" mb="sm" gap="sm">
        <div>
          <Text size="sm" role="status">
            {countOf(answer.rows.length, 'row')} in {duration(answer.elapsed_ms)} · {countOf(answer.rows_read, 'row')}{' '}
            read
            {isStale && ' · the question was changed since'}
          </Text>
          <Completeness of={answer} />
        </div>
        <Group gap="xs">
          {chart !== undefined && (
            <SegmentedControl
              aria-label="Show the answer as"
              value={view}
              onChange={setView}
              data={[
                { value: 'table', label: 'Table' },
                { value: 'chart', label: 'Chart' },
              ]}
            />
          )}
          <Button variant="default" leftSection={<IconDownload size={16} aria-hidden />} onClick={download}>
            CSV
          </Button>
        </Group>
      </Group>
      {answer.rows.length === 0 ? (
        <EmptyState title="No rows">
          The question is fine, but nothing matches it. Look at its conditions, above all at the times.
        </EmptyState>
      ) : chart !== undefined && view === 'chart' ? (
        <Suspense fallback={<Loading label="Loading the chart" />}>
          <ResultChart chart={chart} />
        </Suspense>
      ) : (
        <ResultTable columns={answer.columns} rows={answer.rows} />
      )}
    </section>
  )
}
