import { Table } from '@mantine/core'
import { formatNumber } from '../../kit/numbers.ts'
import { TableFrame } from '../../kit/TableFrame.tsx'
import { percent, type FunnelStep } from './funnel-answer.ts'

export function FunnelTable({ steps }: { readonly steps: readonly FunnelStep[] }) {
  const groups = steps[0]?.bars ?? []
  const last = steps.at(-1)
  return (
    <TableFrame label="The funnel in numbers">
      <Table fz="sm" striped>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Users</Table.Th>
            {steps.map((step, at) => (
              <Table.Th key={at} scope="col" className="number" miw="7.5rem">
                {String(at + 1)}. {step.name}
              </Table.Th>
            ))}
            <Table.Th scope="col" className="number">
              Conversion
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {groups.map((group, index) => (
            <Table.Tr key={`${String(index)} ${group.name}`}>
              <Table.Th scope="row" fw={500}>
                {group.name}
              </Table.Th>
              {steps.map((step, at) => (
                <Table.Td key={at} className="number">
                  {formatNumber(step.bars[index]?.users ?? 0)}
                </Table.Td>
              ))}
              <Table.Td className="number">{percent(last?.bars[index]?.fromStart ?? 0)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </TableFrame>
  )
}
