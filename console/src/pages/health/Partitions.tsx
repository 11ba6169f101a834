import { Box, Table, Text, Title } from '@mantine/core'
import { formatNumber } from '../../kit/numbers.ts'
import { duration } from '../../kit/time-words.ts'
import { TableFrame } from '../../kit/TableFrame.tsx'
import type { Pipeline } from './pipeline-picture.ts'

/** How far each reader of each lane has come, and where the records stand. */
export function Partitions({ lanes }: { readonly lanes: Pipeline['lanes'] }) {
  return (
    <section aria-labelledby="lanes">
      <Title order={2} id="lanes">
        Logs
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        A lane is a stream of records in the log, in partitions. The lag is what a reader has still to read.
      </Text>
      {lanes.map((lane) => (
        <details key={lane.lane} style={{ marginBlockEnd: 'var(--mantine-spacing-xs)' }}>
          <summary>
            <span className="mono">{lane.lane}</span>: {formatNumber(lane.records)} records,{' '}
            {lane.readers.length === 0 ? 'read by nobody' : lane.readers.map(readerWords).join(', ')}
          </summary>
          <Box mt="xs">
            <TableFrame label={`Partitions of ${lane.lane}`} heightMax={320}>
              <Table fz="sm" stickyHeader>
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th scope="col" className="number">
                      Partition
                    </Table.Th>
                    <Table.Th scope="col" className="number">
                      Records
                    </Table.Th>
                    <Table.Th scope="col" className="number">
                      Lag
                    </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {lane.partitions.map(({ partition, end, lag }) => (
                    <Table.Tr key={partition}>
                      <Table.Th scope="row" fw={400} className="number">
                        {partition}
                      </Table.Th>
                      <Table.Td className="number">{formatNumber(end)}</Table.Td>
                      <Table.Td className="number">{formatNumber(lag)}</Table.Td>
                    </Table.Tr>
                  ))}
                </Table.Tbody>
              </Table>
            </TableFrame>
          </Box>
        </details>
      ))}
    </section>
  )
}

function readerWords({ name, lag, oldest_waiting_ms: oldestMs }: Pipeline['lanes'][number]['readers'][number]): string {
  if (lag === 0) return `${name} has read all`
  const age = oldestMs === null ? '' : `, the oldest for ${duration(oldestMs)}`
  return `${name} has ${formatNumber(lag)} to read${age}`
}
