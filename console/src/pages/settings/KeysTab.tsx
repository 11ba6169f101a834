import { Badge, Group, Stack, Table, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import type { AnswerTo } from '../../api/client.ts'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { TableFrame } from '../../kit/TableFrame.tsx'
import { TimeText } from '../../kit/TimeText.tsx'
import { ConfirmButton } from './ConfirmButton.tsx'
import { keysKey } from './keys-key.ts'
import { NewKey } from './NewKey.tsx'

type Key = AnswerTo<'/api/keys', 'get'>['keys'][number]

export function KeysTab() {
  const keys = useQuery({
    queryKey: keysKey,
    queryFn: async ({ signal }) => (await answerOf(api.GET('/api/keys', { signal }))).keys,
  })
  return (
    <Stack gap="lg" maw="56rem">
      <Text c="dimmed" maw="48rem">
        Programs ask questions by a personal key, in the header{' '}
        <span className="mono">authorization: Bearer phx_…</span>. It reads events of people, so treat it as a password.
      </Text>
      <NewKey keys={keys.data} />
      {keys.isPending ? (
        <Loading rows={3} />
      ) : keys.isError ? (
        <ErrorState title="The keys could not be fetched" error={keys.error} onRetry={() => void keys.refetch()} />
      ) : keys.data.length === 0 ? (
        <EmptyState title="You have no personal key">Make one above when a program is to ask questions.</EmptyState>
      ) : (
        <KeysTable keys={keys.data} />
      )}
    </Stack>
  )
}

function KeysTable({ keys }: { readonly keys: readonly Key[] }) {
  const client = useQueryClient()
  const revoke = useMutation({
    mutationFn: async (id: string): Promise<void> => {
      await answerOf(api.DELETE('/api/keys/{key_id}', { params: { path: { key_id: id } } }))
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keysKey }),
  })
  return (
    <TableFrame label="Personal keys">
      <Table verticalSpacing="sm" miw="40rem">
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">Name</Table.Th>
            <Table.Th scope="col">May</Table.Th>
            <Table.Th scope="col">Made</Table.Th>
            <Table.Th scope="col">Last used</Table.Th>
            <Table.Th scope="col">
              <span className="visually-hidden">Revoke</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {keys.map((key) => (
            <Table.Tr key={key.id}>
              <Table.Th scope="row" fw={500}>
                {key.label === '' ? 'without a name' : key.label}
              </Table.Th>
              <Table.Td>
                <Group gap={4}>
                  {key.scopes.map((scope) => (
                    <Badge key={scope} variant="light" color="gray" tt="none">
                      {scope}
                    </Badge>
                  ))}
                </Group>
              </Table.Td>
              <Table.Td>
                <TimeText time={key.created_at} />
              </Table.Td>
              <Table.Td>{key.last_used_at === null ? 'never' : <TimeText time={key.last_used_at} />}</Table.Td>
              <Table.Td ta="end">
                <ConfirmButton
                  verb="Revoke"
                  label={`Revoke the key ${key.label}`}
                  question={`Revoke the key “${key.label}”?`}
                  consequence="Programs that use it are answered 401 from now on. This cannot be undone."
                  act={() => revoke.mutateAsync(key.id)}
                  error={revoke.error}
                  isPending={revoke.isPending}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </TableFrame>
  )
}
