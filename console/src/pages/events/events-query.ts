import { infiniteQueryOptions } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import type { AnswerTo } from '../../api/client.ts'
import { boundsOf, type EventsSearch } from './events-search.ts'
import { filtersFrom } from '../../kit/property-filter.ts'

export type EventsAnswer = AnswerTo<'/api/projects/{id}/events', 'get'>
export type EventRow = EventsAnswer['events'][number]

const PAGE_EVENTS = 50

/** Pages of events, newest first. What is open beside the list, and whether it refreshes, asks nothing else. */
export function eventsQuery(projectId: number, search: EventsSearch) {
  const { event, distinctId, period } = search
  const filters = filtersFrom(search.filters)
  return infiniteQueryOptions({
    queryKey: ['projects', projectId, 'events', { event, distinctId, period, filters }],
    queryFn: ({ signal, pageParam }) =>
      answerOf(
        api.GET('/api/projects/{id}/events', {
          signal,
          params: {
            path: { id: projectId },
            query: {
              ...(event === '' ? {} : { event }),
              ...(distinctId === '' ? {} : { distinct_id: distinctId }),
              ...boundsOf(period, new Date()),
              ...(filters.length === 0 ? {} : { filters: JSON.stringify(filters) }),
              ...(pageParam === '' ? {} : { cursor: pageParam }),
              limit: PAGE_EVENTS,
            },
          },
        }),
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor,
  })
}
