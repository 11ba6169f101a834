import { SegmentedControl, Stack, Table, Text } from '@mantine/core'
import { useState } from 'react'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { formatNumber } from '../../kit/numbers.ts'
import { TableFrame } from '../../kit/TableFrame.tsx'
import { AnswerFrame } from './AnswerFrame.tsx'
import { useRetention } from './ask-insight.ts'
import { percent } from './funnel-answer.ts'
import {
  isRetentionEmpty,
  retentionTable,
  shadeOf,
  type RetentionCell,
  type RetentionTable,
} from './retention-answer.ts'
import type { RetentionBody } from './retention-question.ts'
import classes from './RetentionResult.module.css'
import { intervalFormat } from './trend-answer.ts'

interface RetentionResultProps {
  readonly body: RetentionBody
  readonly onNarrow: () => void
}

type Shown = 'percent' | 'users'

export function RetentionResult({ body, onNarrow }: RetentionResultProps) {
  const retention = useRetention(body)
  return (
    <AnswerFrame query={retention} onNarrow={onNarrow}>
      {({ answer, body: asked }) =>
        isRetentionEmpty(answer) ? (
          <EmptyState title="Nobody started in this range">
            No event of this range is like the first one. Look whether the range is wide enough and whether the filters
            can hold.
          </EmptyState>
        ) : (
          <RetentionView
            table={retentionTable(answer, Date.parse(asked.to) > Date.parse(answer.complete_through))}
            asked={asked}
          />
        )
      }
    </AnswerFrame>
  )
}

function RetentionView({ table, asked }: { readonly table: RetentionTable; readonly asked: RetentionBody }) {
  const [shown, setShown] = useState<Shown>('percent')
  const formatStart = intervalFormat(asked.interval, asked.timezone)
  const hasRunning = table.rows.some((row) => row.cells.some((cell) => cell.isRunning))
  const unit = `${asked.interval.charAt(0).toUpperCase()}${asked.interval.slice(1)}`
  return (
    <Stack gap="sm">
      <SegmentedControl<Shown>
        aria-label="What the cells show"
        value={shown}
        onChange={setShown}
        data={[
          { value: 'percent', label: 'Percent' },
          { value: 'users', label: 'Users' },
        ]}
        style={{ alignSelf: 'flex-start' }}
      />
      <TableFrame label="Retention" isFirstColumnFixed>
        <Table fz="sm" className={classes['table'] ?? ''} withRowBorders={false}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Started</Table.Th>
              <Table.Th scope="col" className="number">
                Users
              </Table.Th>
              {Array.from({ length: table.periods }, (_, period) => (
                <Table.Th key={period} scope="col" className="number">
                  {unit} {String(period)}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            <Table.Tr>
              <Table.Th scope="row">All cohorts</Table.Th>
              <Table.Td className="number">
                {formatNumber(table.rows.reduce((sum, row) => sum + row.users, 0))}
              </Table.Td>
              {table.mean.map((share, period) => (
                <Table.Td key={period} className="number" fw={600}>
                  {share === null ? '–' : percent(share)}
                </Table.Td>
              ))}
            </Table.Tr>
            {table.rows.map((row) => (
              <Table.Tr key={row.start}>
                <Table.Th scope="row" fw={500} style={{ whiteSpace: 'nowrap' }}>
                  {formatStart(row.start)}
                </Table.Th>
                <Table.Td className="number">{formatNumber(row.users)}</Table.Td>
                {row.cells.map((cell, period) => (
                  <Cell key={period} cell={cell} shown={row.users === 0 ? 'nothing' : shown} />
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableFrame>
      <Text size="sm" c="dimmed">
        {unit} 0 is the {asked.interval} in which a user started. The first row weighs each cohort by its size.
        {hasRunning &&
          ' Cells with * belong to an interval that is still running: they may grow, and the first row leaves them out.'}
      </Text>
    </Stack>
  )
}

function Cell({ cell, shown }: { readonly cell: RetentionCell; readonly shown: Shown | 'nothing' }) {
  if (shown === 'nothing') return <Table.Td className="number">–</Table.Td>
  const { light, dark } = shadeOf(cell.share)
  const words = `${percent(cell.share)}, ${formatNumber(cell.users)} users${cell.isRunning ? ', still running' : ''}`
  return (
    <Table.Td
      className={`number ${classes['cell'] ?? ''}`}
      title={words}
      style={{ '--shade-light': light, '--shade-dark': dark }}
    >
      {shown === 'percent' ? percent(cell.share) : formatNumber(cell.users)}
      {cell.isRunning ? '*' : ''}
    </Table.Td>
  )
}
