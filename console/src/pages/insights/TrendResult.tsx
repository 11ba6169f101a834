import { Stack, Table, Text } from '@mantine/core'
import { lazy, Suspense, useMemo } from 'react'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { formatNumber } from '../../kit/numbers.ts'
import { TableFrame } from '../../kit/TableFrame.tsx'
import { useTrend } from './ask-insight.ts'
import { AnswerFrame } from './AnswerFrame.tsx'
import {
  changeOf,
  intervalFormat,
  isNothing,
  LINES_MAX,
  totalRows,
  trendLines,
  type TotalRow,
  type TrendAnswer,
} from './trend-answer.ts'
import type { TrendBody, TrendDraft } from './trend-question.ts'

// uPlot comes only with the first chart that is drawn.
const Chart = lazy(() => import('../../kit/Chart.tsx').then((module) => ({ default: module.Chart })))

interface TrendResultProps {
  readonly body: TrendBody
  readonly chart: TrendDraft['chart']
  readonly onNarrow: () => void
}

export function TrendResult({ body, chart, onNarrow }: TrendResultProps) {
  const trend = useTrend(body)
  return (
    <AnswerFrame query={trend} onNarrow={onNarrow}>
      {({ answer, body: asked }) =>
        isNothing(answer) ? (
          <EmptyState title="No event is like this">
            Nothing was counted in this range. Look whether the range is wide enough, whether the event has this name,
            and whether all filters can hold at once.
          </EmptyState>
        ) : (
          <TrendView answer={answer} asked={asked} chart={chart} />
        )
      }
    </AnswerFrame>
  )
}

interface TrendViewProps {
  readonly answer: TrendAnswer
  readonly asked: TrendBody
  readonly chart: TrendDraft['chart']
}

function TrendView({ answer, asked, chart }: TrendViewProps) {
  // The chart is drawn anew whenever it gets other arrays.
  const lines = useMemo(() => trendLines(answer), [answer])
  const rows = totalRows(answer)
  const isRunning = Date.parse(asked.to) > Date.parse(answer.complete_through)
  const hasUniques = asked.series.some((series) => series.math === 'unique_users')
  const hasNumbers = asked.series.some((series) => series.property !== undefined)
  return (
    <Stack gap="lg">
      <Suspense fallback={<Loading label="Drawing" rows={6} rowHeight={36} />}>
        <Chart
          label={`Trend by ${asked.interval}`}
          kind={chart === 'bar' ? 'bars' : 'lines'}
          times={answer.intervals}
          series={lines}
          formatTime={intervalFormat(asked.interval, asked.timezone)}
          timeZone={asked.timezone}
        />
      </Suspense>
      <Totals rows={rows} />
      <Text size="sm" c="dimmed">
        {isRunning && 'The last interval is still running. '}
        {rows.length > LINES_MAX && `The chart shows the ${String(LINES_MAX)} largest; the totals have all. `}
        {hasUniques && 'A user who comes on several days counts once in the total, so it is not the sum. '}
        {hasNumbers && 'Events whose property is no number are left out of what is computed from it.'}
      </Text>
    </Stack>
  )
}

function Totals({ rows }: { readonly rows: readonly TotalRow[] }) {
  const isCompared = rows.some((row) => row.previous !== undefined)
  return (
    <TableFrame label="Totals">
      <Table fz="sm" striped captionSide="top">
        <Table.Caption ta="start" px="xs">
          Over the whole range
        </Table.Caption>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Series</Table.Th>
            <Table.Th scope="col" className="number">
              Total
            </Table.Th>
            {isCompared && (
              <>
                <Table.Th scope="col" className="number">
                  Before
                </Table.Th>
                <Table.Th scope="col" className="number">
                  Change
                </Table.Th>
              </>
            )}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row, index) => (
            <Table.Tr key={`${String(index)} ${row.name}`}>
              <Table.Th scope="row" fw={500} style={{ overflowWrap: 'anywhere' }}>
                {row.name}
              </Table.Th>
              <Table.Td className="number">{numberOrDash(row.total)}</Table.Td>
              {isCompared && (
                <>
                  <Table.Td className="number">{numberOrDash(row.previous ?? null)}</Table.Td>
                  <Table.Td className="number">{changeWords(changeOf(row))}</Table.Td>
                </>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </TableFrame>
  )
}

function numberOrDash(value: number | null): string {
  return value === null ? '–' : formatNumber(value)
}

function changeWords(change: number | undefined): string {
  if (change === undefined) return '–'
  const percent = Math.round(change * 1_000) / 10
  return `${percent > 0 ? '+' : percent < 0 ? '−' : ''}${String(Math.abs(percent))} %`
}
