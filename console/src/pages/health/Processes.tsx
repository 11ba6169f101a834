import { Table, Text, Title } from '@mantine/core'
import { TimeText } from '../../kit/TimeText.tsx'
import { duration } from '../../kit/time-words.ts'
import { TableFrame } from '../../kit/TableFrame.tsx'
import type { Pipeline } from './pipeline-picture.ts'

interface ProcessesProps {
  readonly processes: Pipeline['processes']
  readonly canary: Pipeline['canary']
}

export function Processes({ processes, canary }: ProcessesProps) {
  return (
    <section aria-labelledby="processes">
      <Title order={2} id="processes">
        Processes and canary
      </Title>
      <Text size="sm" mb="sm">
        <CanaryWords canary={canary} />
      </Text>
      <TableFrame label="Processes">
        <Table fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Process</Table.Th>
              <Table.Th scope="col">State</Table.Th>
              <Table.Th scope="col">Runs since</Table.Th>
              <Table.Th scope="col" className="number">
                Started again
              </Table.Th>
              <Table.Th scope="col" className="number">
                Process id
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {processes.map(({ role, state, pid, started_at: startedAt, restarts }) => (
              <Table.Tr key={role}>
                <Table.Th scope="row" fw={400}>
                  {role}
                </Table.Th>
                <Table.Td>{state}</Table.Td>
                <Table.Td>
                  <TimeText time={startedAt} />
                </Table.Td>
                <Table.Td className="number">{restarts === 0 ? 'never' : `${String(restarts)} ×`}</Table.Td>
                <Table.Td className="number">{pid ?? '–'}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableFrame>
    </section>
  )
}

function CanaryWords({ canary }: { readonly canary: Pipeline['canary'] }) {
  const what = 'Canaries are test events that Sluice sends itself through every partition.'
  if (canary.failure !== null) return `${what} The last ones did not come through: ${canary.failure}`
  if (canary.arrived_at === null) return `${what} The first ones are on their way.`
  return (
    <>
      {what} The last ones came through <TimeText time={canary.arrived_at} />
      {canary.duration_ms !== null && ` and took ${duration(canary.duration_ms)}`}.
    </>
  )
}
