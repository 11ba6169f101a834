import { Box, Button, Table, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { EventLink } from '../../kit/EventLink.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { formatNumber } from '../../kit/numbers.ts'
import { TimeText } from '../../kit/TimeText.tsx'
import { TableFrame } from '../../kit/TableFrame.tsx'
import type { Pipeline } from './pipeline-picture.ts'

interface DeadLettersProps {
  readonly counts: Pipeline['dead_letters']
  readonly projectId: number | undefined
}

export function DeadLetters({ counts, projectId }: DeadLettersProps) {
  const [isShown, setShown] = useState(false)
  return (
    <section aria-labelledby="dead-letters">
      <Title order={2} id="dead-letters">
        Dead letters
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        Events that are not in the table because something is wrong with them. They are kept in the log with the reason.
      </Text>
      {counts.length === 0 ? (
        <Text size="sm">There are none.</Text>
      ) : (
        <>
          <TableFrame label="Dead letters by reason">
            <Table fz="sm">
              <Table.Thead>
                <Table.Tr>
                  <Table.Th scope="col">Reason</Table.Th>
                  <Table.Th scope="col">Where</Table.Th>
                  <Table.Th scope="col" className="number">
                    Events of all projects
                  </Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {counts.map(({ stage, step, reason, count }) => (
                  <Table.Tr key={`${stage} ${step} ${reason}`}>
                    <Table.Th scope="row" fw={400}>
                      {reason}
                    </Table.Th>
                    <Table.Td>{stage === step ? stage : `${stage}, ${step}`}</Table.Td>
                    <Table.Td className="number">{formatNumber(count)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </TableFrame>
          {projectId !== undefined && (
            <>
              <Button mt="sm" size="xs" variant="default" aria-expanded={isShown} onClick={() => setShown(!isShown)}>
                {isShown ? 'Hide the newest of this project' : 'Show the newest of this project'}
              </Button>
              {isShown && <Newest projectId={projectId} />}
            </>
          )}
        </>
      )}
    </section>
  )
}

const newestMax = 20
/** They are searched for in the log, which costs more than a count. */
const newestRefreshMs = 15_000

function Newest({ projectId }: { readonly projectId: number }) {
  const newest = useQuery({
    queryKey: ['projects', projectId, 'dead-letters'],
    queryFn: ({ signal }) =>
      answerOf(
        api.GET('/api/projects/{id}/dead-letters', {
          signal,
          params: { path: { id: projectId }, query: { limit: newestMax } },
        }),
      ),
    refetchInterval: newestRefreshMs,
  })
  if (newest.isPending) return <Loading label="Looking for dead letters" rows={3} />
  if (newest.isError) return <ErrorState error={newest.error} onRetry={() => void newest.refetch()} />
  const { dead_letters: letters, complete } = newest.data
  return (
    <>
      <Box mt="sm">
        <TableFrame label="Newest dead letters">
          <Table fz="sm" miw="34rem">
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">When</Table.Th>
                <Table.Th scope="col">Reason</Table.Th>
                <Table.Th scope="col">Distinct id</Table.Th>
                <Table.Th scope="col">Journey</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {letters.map(({ uuid, at, reason, distinct_id: distinctId, stage, position }) => (
                <Table.Tr key={`${uuid} ${stage} ${String(position.partition)} ${String(position.offset)}`}>
                  <Table.Td>
                    <TimeText time={at} />
                  </Table.Td>
                  <Table.Td>{reason}</Table.Td>
                  <Table.Td style={{ overflowWrap: 'anywhere' }}>{distinctId === '' ? '–' : distinctId}</Table.Td>
                  <Table.Td>
                    <EventLink projectId={projectId} uuid={uuid}>
                      <span className="mono">{uuid.slice(0, 8)}</span>
                    </EventLink>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </TableFrame>
      </Box>
      <Text size="sm" c="dimmed" mt="xs">
        {letters.length === 0 && 'None of this project is in the log any more. '}
        {!complete && 'Not everything could be searched; there may be more.'}
      </Text>
    </>
  )
}
