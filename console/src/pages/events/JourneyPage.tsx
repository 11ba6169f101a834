import { Alert, Anchor, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { answerOf, api } from '../../api/client.ts'
import { useProject } from '../../current-project.ts'
import { CopyButton } from '../../kit/CopyButton.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { PageHeader } from '../../kit/PageHeader.tsx'
import { TimeText } from '../../kit/TimeText.tsx'
import { FindEvent } from './FindEvent.tsx'
import { FATE_WORDS, TONE_COLORS, type Journey } from './journey-words.ts'
import { JourneyTimeline } from './JourneyTimeline.tsx'

const LOOK_AGAIN_MS = 2_000

/** What became of one event, stage by stage; also of events that are not in the table and never were. */
export function JourneyPage() {
  const { id } = useProject()
  const { uuid = '' } = useParams({ strict: false })
  const journey = useQuery({
    queryKey: ['projects', id, 'journey', uuid],
    queryFn: ({ signal }) =>
      answerOf(api.GET('/api/projects/{id}/events/{uuid}/journey', { signal, params: { path: { id, uuid } } })),
    refetchInterval: (query) => (query.state.data?.fate === 'waiting' ? LOOK_AGAIN_MS : false),
  })
  return (
    <>
      <PageHeader
        title="Journey of an event"
        description={
          <Group gap="xs" wrap="nowrap">
            <span className="mono" style={{ overflowWrap: 'anywhere' }}>
              {uuid}
            </span>
            <CopyButton text={uuid} label="Copy the uuid" />
          </Group>
        }
        actions={<FindEvent key={uuid} projectId={id} />}
      />
      {journey.isPending ? (
        <Loading label="Looking for the event" />
      ) : journey.isError ? (
        <ErrorState
          error={journey.error}
          title="The journey could not be followed"
          onRetry={() => void journey.refetch()}
        />
      ) : (
        <JourneyAnswer journey={journey.data} projectId={id} />
      )}
    </>
  )
}

function JourneyAnswer({ journey, projectId }: { readonly journey: Journey; readonly projectId: number }) {
  const { title, tone, advice } = FATE_WORDS[journey.fate]
  const { occurrences } = journey
  return (
    <Stack gap="lg">
      <Alert variant="light" color={TONE_COLORS[tone]} title={title} role="status">
        <Text size="sm">{journey.summary}</Text>
        <Text size="sm" mt={4}>
          {advice}
        </Text>
        {journey.fate === 'in_table' && (
          <Anchor
            size="sm"
            mt={4}
            display="inline-block"
            renderRoot={(props) => (
              <Link
                {...props}
                to="/projects/$projectId/events"
                params={{ projectId: String(projectId) }}
                search={{ open: journey.uuid }}
              />
            )}
          >
            Open the event with its properties
          </Anchor>
        )}
      </Alert>
      {occurrences.map((occurrence, index) => {
        const name =
          occurrences.length === 1 ? 'What happened' : `Copy ${String(index + 1)} of ${String(occurrences.length)}`
        return (
          <section key={index} aria-label={name}>
            <Group gap="sm" mb="sm" align="baseline">
              <Title order={2}>{name}</Title>
              {occurrence.accepted_at !== null && (
                <Text size="sm" c="dimmed">
                  accepted <TimeText time={occurrence.accepted_at} />
                </Text>
              )}
            </Group>
            <JourneyTimeline steps={occurrence.steps} label={name} />
          </section>
        )
      })}
      <Searched searched={journey.searched} />
    </Stack>
  )
}

function Searched({ searched }: { readonly searched: Journey['searched'] }) {
  return (
    <Text size="sm" c="dimmed">
      Searched what was accepted{' '}
      {searched.from !== null && (
        <>
          from <TimeText time={searched.from} show="exact" />{' '}
        </>
      )}
      through <TimeText time={searched.through} show="exact" />, and the table.
      {!searched.complete && ' Not all of it could be read: what is said above may lack a part.'}
    </Text>
  )
}
