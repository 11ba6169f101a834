import { Drawer, Group, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import type { AnswerTo } from '../../api/client.ts'
import { ApiProblem } from '../../api/problem.ts'
import { useProject } from '../../current-project.ts'
import { Completeness } from '../../kit/Completeness.tsx'
import { CopyButton } from '../../kit/CopyButton.tsx'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { EventLink } from '../../kit/EventLink.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { PropertiesTable } from '../../kit/PropertiesTable.tsx'
import { TimeText } from '../../kit/TimeText.tsx'
import { positionWords } from './journey-words.ts'
import { propertiesMatching } from './properties-matching.ts'

type StoredEvent = AnswerTo<'/api/projects/{id}/events/{uuid}', 'get'>['event']

interface EventDrawerProps {
  /** Empty: closed. */
  readonly uuid: string
  readonly onClose: () => void
}

/** One event beside the list: all that is known of it. */
export function EventDrawer({ uuid, onClose }: EventDrawerProps) {
  return (
    <Drawer
      opened={uuid !== ''}
      onClose={onClose}
      position="right"
      size="lg"
      title="Event"
      closeButtonProps={{ 'aria-label': 'Close the event' }}
    >
      {uuid !== '' && <EventDetail key={uuid} uuid={uuid} />}
    </Drawer>
  )
}

function EventDetail({ uuid }: { readonly uuid: string }) {
  const { id } = useProject()
  const detail = useQuery({
    queryKey: ['projects', id, 'event', uuid],
    queryFn: ({ signal }) =>
      answerOf(api.GET('/api/projects/{id}/events/{uuid}', { signal, params: { path: { id, uuid } } })),
  })
  if (detail.isPending) return <Loading label="Loading the event" />
  if (detail.isError) {
    if (detail.error instanceof ApiProblem && detail.error.status === 404)
      return (
        <EmptyState title="This event is not in the table">
          It may be on its way, or something kept it out.{' '}
          <EventLink projectId={id} uuid={uuid}>
            See its journey
          </EventLink>
        </EmptyState>
      )
    return <ErrorState error={detail.error} onRetry={() => void detail.refetch()} />
  }
  const { event } = detail.data
  return (
    <Stack gap="md">
      <Title order={2} style={{ overflowWrap: 'anywhere' }}>
        {event.event}
      </Title>
      <Facts event={event} projectId={id} />
      <Properties event={event} />
      <Completeness of={detail.data} />
    </Stack>
  )
}

function Facts({ event, projectId }: { readonly event: StoredEvent; readonly projectId: number }) {
  const facts = [
    { name: 'Distinct id', value: event.distinct_id },
    { name: 'Happened', value: <TimeText time={event.timestamp} show="exact" /> },
    { name: 'Accepted', value: <TimeText time={event.accepted_at} show="exact" /> },
    { name: 'Uuid', value: <span className="mono">{event.uuid}</span> },
    { name: 'Position', value: positionWords(event.position) },
    {
      name: 'Journey',
      value: (
        <EventLink projectId={projectId} uuid={event.uuid}>
          How it came into the table
        </EventLink>
      ),
    },
  ]
  return (
    <Table variant="vertical" fz="sm" verticalSpacing={4} aria-label="What is known of the event">
      <Table.Tbody>
        {facts.map((fact) => (
          <Table.Tr key={fact.name}>
            <Table.Th scope="row" w="7rem">
              {fact.name}
            </Table.Th>
            <Table.Td style={{ overflowWrap: 'anywhere' }}>{fact.value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}

function Properties({ event }: { readonly event: StoredEvent }) {
  const [wanted, setWanted] = useState('')
  const matching = propertiesMatching(event.properties, wanted)
  const isNothingFound = wanted.trim() !== '' && Object.keys(matching).length === 0
  return (
    <Stack gap="xs" component="section">
      <Group justify="space-between">
        <Title order={3}>Properties</Title>
        <CopyButton text={JSON.stringify(event, null, 2)} label="Copy the event as JSON" />
      </Group>
      <TextInput
        type="search"
        aria-label="Search the properties"
        placeholder="Search names and values"
        value={wanted}
        onChange={(change) => setWanted(change.currentTarget.value)}
      />
      {isNothingFound ? (
        <Text c="dimmed" role="status">
          No property has “{wanted.trim()}” in its name or value.
        </Text>
      ) : (
        <PropertiesTable properties={matching} />
      )}
    </Stack>
  )
}
