import { Table, Text } from '@mantine/core'
import { cellText, columnKind } from './column-kind.ts'
import { countOf, formatNumber } from '../../kit/numbers.ts'
import { TableFrame } from '../../kit/TableFrame.tsx'

interface ResultTableProps {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly unknown[])[]
}

/** More rows than this nobody reads, and a browser draws them slowly. */
const rowsShownMax = 1_000
const cellCharactersMax = 300

export function ResultTable({ columns, rows }: ResultTableProps) {
  const shown = rows.slice(0, rowsShownMax)
  return (
    <>
      <TableFrame label="Rows of the answer" heightMax={520}>
        <Table fz="sm" stickyHeader striped>
          <Table.Thead>
            <Table.Tr>
              {columns.map(({ name, type }, place) => (
                <Table.Th
                  key={`${String(place)} ${name}`}
                  scope="col"
                  ta={alignOf(type)}
                  style={{ whiteSpace: 'nowrap' }}
                >
                  {name}
                  <Text span display="block" size="xs" c="dimmed" fw={400} className="mono">
                    {type}
                  </Text>
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((row, number) => (
              <Table.Tr key={number}>
                {columns.map(({ name, type }, place) => (
                  <Cell key={`${String(place)} ${name}`} value={row[place]} type={type} />
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableFrame>
      {rows.length > shown.length && (
        <Text size="sm" mt="xs">
          Shown are the first {formatNumber(shown.length)} of {countOf(rows.length, 'row')}; the CSV has them all.
        </Text>
      )}
    </>
  )
}

function Cell({ value, type }: { readonly value: unknown; readonly type: string }) {
  if (value === null || value === undefined) {
    return (
      <Table.Td ta={alignOf(type)}>
        <Text span size="xs" c="dimmed">
          null
        </Text>
      </Table.Td>
    )
  }
  const text = cellText(value)
  const isCut = text.length > cellCharactersMax
  const isTime = columnKind(type) === 'time'
  return (
    <Table.Td
      ta={alignOf(type)}
      style={{
        fontVariantNumeric: 'tabular-nums',
        overflowWrap: 'anywhere',
        minWidth: text.length > 40 ? '16rem' : undefined,
        whiteSpace: isTime || text.length <= 40 ? 'nowrap' : undefined,
      }}
      {...(isCut ? { title: 'Cut here; the CSV has all of it' } : {})}
    >
      {isCut ? `${text.slice(0, cellCharactersMax)}…` : text}
    </Table.Td>
  )
}

function alignOf(type: string): 'right' | 'left' {
  return columnKind(type) === 'number' ? 'right' : 'left'
}
