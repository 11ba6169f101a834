import { Group, Loader, Stack, Text, Title } from '@mantine/core'
import { IconCircleCheck } from '@tabler/icons-react'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import { liveEventFrom } from '../../api/live-message.ts'
import { openLiveStream } from '../../api/live-stream.ts'
import { sessionKey } from '../../api/session.ts'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { EventLink } from '../../kit/EventLink.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { TimeText } from '../../kit/TimeText.tsx'
import classes from './FirstEvent.module.css'

interface Seen {
  readonly uuid: string
  readonly event: string
  readonly distinctId: string
  readonly at: string
}

/** Waits for the first event of the project and says so when it is there; of a project in use it shows the newest. */
export function FirstEvent({ projectId }: { readonly projectId: number }) {
  const arrived = useNewest(projectId)
  const newest = useQuery({
    queryKey: ['projects', projectId, 'events', 'newest'],
    queryFn: async ({ signal }): Promise<Seen | null> => {
      const path = { id: projectId }
      const answer = await answerOf(
        api.GET('/api/projects/{id}/events', { signal, params: { path, query: { limit: 1 } } }),
      )
      const [event] = answer.events
      if (event === undefined) return null
      return { uuid: event.uuid, event: event.event, distinctId: event.distinct_id, at: event.accepted_at }
    },
  })
  // Whether the project was empty when the page was opened: only then an event is the first.
  const [wasEmpty, setWasEmpty] = useState(false)
  if (newest.data === null && !wasEmpty) setWasEmpty(true)

  const seen = arrived ?? newest.data
  if (seen === undefined && newest.isPending) return <Loading rows={2} label="Looking for events" />
  if (seen === undefined && newest.isError)
    return (
      <ErrorState
        title="Whether events have arrived could not be found out"
        error={newest.error}
        onRetry={() => void newest.refetch()}
      />
    )
  return (
    <section
      aria-labelledby="first-event"
      className={`surface ${classes['panel'] ?? ''}`}
      data-arrived={seen != null || undefined}
      data-fresh={arrived !== undefined || undefined}
    >
      {seen == null ? (
        <Group gap="md" wrap="nowrap" align="flex-start">
          <Loader size="sm" mt={3} aria-hidden />
          <div role="status">
            <Title order={2} id="first-event">
              Waiting for the first event
            </Title>
            <Text c="dimmed" size="sm">
              Run one of the programs below. This lights up when its event arrives; nothing needs to be reloaded.
            </Text>
          </div>
        </Group>
      ) : (
        <Group gap="md" wrap="nowrap" align="flex-start">
          <IconCircleCheck className={classes['check']} aria-hidden />
          <Stack gap={2} role="status" style={{ minWidth: 0 }}>
            <Title order={2} id="first-event">
              {wasEmpty ? 'The first event is here' : 'Events are arriving'}
            </Title>
            <Text>
              {!wasEmpty && 'The newest: '}
              <b>{seen.event}</b> from <b>{seen.distinctId}</b>
              {seen.at !== '' && (
                <>
                  , <TimeText time={seen.at} />
                </>
              )}
            </Text>
            <Text size="sm" c="dimmed">
              <span className="mono">{seen.uuid}</span>
            </Text>
            <Text size="sm">
              <EventLink projectId={projectId} uuid={seen.uuid}>
                See what became of it, step by step
              </EventLink>
            </Text>
          </Stack>
        </Group>
      )}
    </section>
  )
}

/** The newest event of the live feed; many a second are shown as one. */
function useNewest(projectId: number): Seen | undefined {
  const [seen, setSeen] = useState<Seen>()
  const client = useQueryClient()
  useEffect(() => {
    let data: string | undefined
    let frame: number | undefined
    const show = (): void => {
      frame = undefined
      const event = data === undefined ? undefined : liveEventFrom(data)
      if (event === undefined) return
      setSeen({ uuid: event.uuid, event: event.event, distinctId: event.distinctId, at: event.acceptedAt })
    }
    const stream = openLiveStream({
      projectId,
      onMessage(message) {
        if (message.kind !== 'event') return
        data = message.data
        frame ??= requestAnimationFrame(show)
      },
      onState: () => undefined,
      onRefused: () => void client.invalidateQueries({ queryKey: sessionKey }),
    })
    return () => {
      stream.close()
      if (frame !== undefined) cancelAnimationFrame(frame)
    }
  }, [projectId, client])
  return seen
}
