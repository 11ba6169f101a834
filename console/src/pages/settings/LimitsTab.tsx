import { Box, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
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
      <Box className="surface" style={{ overflowX: 'auto' }} tabIndex={0} role="region" aria-label="Limits">
        <Table verticalSpacing="sm" miw="44rem">
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">Limit</Table.Th>
              <Table.Th scope="col" className="number">
                Value
              </Table.Th>
              <Table.Th scope="col">Name in sluice.yaml and in the environment</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {limits.data.map((limit) => (
              <Table.Tr key={limit.name}>
                <Table.Th scope="row" fw={400} style={{ verticalAlign: 'top' }}>
                  {limit.description}
                </Table.Th>
                <Table.Td className="number" style={{ verticalAlign: 'top', whiteSpace: 'nowrap' }}>
                  {sayLimit(limit.value, limit.unit)}
                </Table.Td>
                <Table.Td style={{ verticalAlign: 'top' }}>
                  <div className="mono">{limit.name}</div>
                  <Text component="div" c="dimmed" className="mono">
                    {limit.environment}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Box>
    </>
  )
}
