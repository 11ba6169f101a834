import { Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { TableFrame } from '../../kit/TableFrame.tsx'
import { sayLimit } from './say-limit.ts'

export function LimitsTab() {
  const limits = useQuery({
    queryKey: ['limits'],
    queryFn: async ({ signal }) => (await answerOf(api.GET('/api/limits', { signal }))).limits,
  })
  if (limits.isPending) return <Loading />
  if (limits.isError)
    return (
      <ErrorState title="The limits could not be fetched" error={limits.error} onRetry={() => void limits.refetch()} />
    )
  return (
    <>
      <Text c="dimmed" mb="md" maw="48rem">
        What bounds that which is sent and asked. Whoever runs Sluice changes a limit by the environment or in
        sluice.yaml, and starts it again.
      </Text>
      <TableFrame label="Limits">
        <Table verticalSpacing="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Limit, with its names in sluice.yaml and in the environment</Table.Th>
              <Table.Th scope="col" className="number">
                Value
              </Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {limits.data.map((limit) => (
              <Table.Tr key={limit.name}>
                <Table.Th scope="row" fw={400} style={{ overflowWrap: 'anywhere' }}>
                  {limit.description}
                  <Text component="div" c="dimmed" className="mono" mt={2}>
                    {limit.name} · {limit.environment}
                  </Text>
                </Table.Th>
                <Table.Td className="number" style={{ verticalAlign: 'top', whiteSpace: 'nowrap' }}>
                  {sayLimit(limit.value, limit.unit)}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableFrame>
    </>
  )
}
