import { Button, Center, Group, Switch, Text } from '@mantine/core'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useProject } from '../../current-project.ts'
import { Completeness } from '../../kit/Completeness.tsx'
import { EmptyState } from '../../kit/EmptyState.tsx'
import { ErrorState } from '../../kit/ErrorState.tsx'
import { Loading } from '../../kit/Loading.tsx'
import { countOf } from '../../kit/numbers.ts'
import { PageHeader } from '../../kit/PageHeader.tsx'
import { EventDrawer } from './EventDrawer.tsx'
import { EventsFilters } from './EventsFilters.tsx'
import { eventsQuery } from './events-query.ts'
import { eventsLink, eventsSearchFrom, isNarrowed, type EventsSearch } from './events-search.ts'
import { EventsTable } from './EventsTable.tsx'
import { FindEvent } from './FindEvent.tsx'

const REFRESH_MS = 5_000

export function EventsPage() {
  const project = useProject()
  const navigate = useNavigate()
  const search = eventsSearchFrom(useSearch({ strict: false }))
  const go = (next: EventsSearch, how: { readonly replace: boolean }): void =>
    void navigate({
      to: '/projects/$projectId/events',
      params: { projectId: String(project.id) },
      search: eventsLink(next),
      replace: how.replace,
      resetScroll: false,
    })
  return (
    <>
      <PageHeader
        title="Events"
        description="What is in the table, newest first. To see what became of an event that is missing, find it by its uuid."
        actions={<FindEvent projectId={project.id} />}
      />
      <EventsFilters search={search} onChange={(next) => go(next, { replace: true })} />
      <EventsList
        projectId={project.id}
        search={search}
        onChange={(next) => go(next, { replace: true })}
        onOpen={(open) => go({ ...search, open }, { replace: false })}
      />
      <EventDrawer uuid={search.open} onClose={() => go({ ...search, open: '' }, { replace: true })} />
    </>
  )
}

interface EventsListProps {
  readonly projectId: number
  readonly search: EventsSearch
  readonly onChange: (search: EventsSearch) => void
  readonly onOpen: (uuid: string) => void
}

function EventsList({ projectId, search, onChange, onOpen }: EventsListProps) {
  const events = useInfiniteQuery({
    ...eventsQuery(projectId, search),
    placeholderData: keepPreviousData,
    // With more pages open, each refresh would ask for all of them again and move what somebody reads.
    refetchInterval: (query) =>
      search.isRefreshing && (query.state.data?.pages.length ?? 0) <= 1 ? REFRESH_MS : false,
  })
  if (events.isPending) return <Loading label="Loading events" rows={10} />
  if (events.isError)
    return (
      <ErrorState error={events.error} title="The events could not be shown" onRetry={() => void events.refetch()} />
    )
  const rows = events.data.pages.flatMap((page) => page.events)
  const isPaused = search.isRefreshing && events.data.pages.length > 1
  const newest = events.data.pages[0]
  return (
    <section aria-label="Events" aria-busy={events.isPlaceholderData}>
      <Group justify="space-between" mb="xs" gap="xs">
        {newest !== undefined && <Completeness of={newest} />}
        <Group gap="sm">
          {isPaused && (
            <Text size="sm" c="dimmed">
              Paused while more than one page is open
            </Text>
          )}
          <Switch
            label="Refresh every 5 seconds"
            checked={search.isRefreshing}
            onChange={(change) => onChange({ ...search, isRefreshing: change.currentTarget.checked })}
          />
        </Group>
      </Group>
      {rows.length === 0 ? (
        <NoEvents search={search} onChange={onChange} />
      ) : (
        <>
          <EventsTable events={rows} open={search.open} onOpen={onOpen} />
          <Center my="md">
            {events.hasNextPage ? (
              <Button variant="default" loading={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>
                Load more
              </Button>
            ) : (
              <Text size="sm" c="dimmed">
                {rows.length === 1 ? 'This is the only one.' : `These are all ${countOf(rows.length, 'event')}.`}
              </Text>
            )}
          </Center>
        </>
      )}
    </section>
  )
}

function NoEvents({ search, onChange }: Pick<EventsListProps, 'search' | 'onChange'>) {
  if (!isNarrowed(search))
    return (
      <EmptyState title="There are no events yet">
        As soon as one is accepted it is here after a second or two. The Start page has what to put into your app.
      </EmptyState>
    )
  const widen = (): void => onChange({ ...search, event: '', distinctId: '', period: { kind: 'any' }, filters: [] })
  return (
    <EmptyState
      title="No event is like this"
      action={
        <Button variant="default" onClick={widen}>
          Show all events
        </Button>
      }
    >
      All of the conditions above must hold at once, and names count exactly as they were sent, capitals included.
    </EmptyState>
  )
}
