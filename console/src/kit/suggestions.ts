/** What the inputs suggest: names and values that were seen lately. Suggestions never stop anybody from typing another. */
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { answerOf, api } from '../api/client.ts'
import { useProject } from '../current-project.ts'

export interface Suggestion {
  readonly value: string
  readonly count?: number
}

const SEARCH_DELAY_MS = 250
const STALE_MS = 60_000

export function useEventNames(search: string): readonly Suggestion[] {
  const { id } = useProject()
  const [searched] = useDebouncedValue(search.trim(), SEARCH_DELAY_MS)
  const names = useQuery({
    queryKey: ['projects', id, 'event-names', searched],
    queryFn: ({ signal }) =>
      answerOf(
        api.GET('/api/projects/{id}/event-names', {
          signal,
          params: { path: { id }, query: searched === '' ? {} : { search: searched } },
        }),
      ),
    staleTime: STALE_MS,
    placeholderData: keepPreviousData,
  })
  return (names.data?.names ?? []).map(({ name, count }) => ({ value: name, count }))
}

export function usePropertyNames(event: string): readonly Suggestion[] {
  const { id } = useProject()
  const properties = useQuery({
    queryKey: ['projects', id, 'properties', event],
    queryFn: ({ signal }) =>
      answerOf(
        api.GET('/api/projects/{id}/properties', {
          signal,
          params: { path: { id }, query: event === '' ? {} : { event } },
        }),
      ),
    staleTime: STALE_MS,
  })
  return (properties.data?.properties ?? []).map(({ name }) => ({ value: name }))
}

export function usePropertyValues(of: {
  readonly property: string
  readonly event: string
  readonly search: string
}): readonly Suggestion[] {
  const { id } = useProject()
  const [searched] = useDebouncedValue(of.search.trim(), SEARCH_DELAY_MS)
  const values = useQuery({
    queryKey: ['projects', id, 'property-values', of.property, of.event, searched],
    enabled: of.property !== '',
    queryFn: ({ signal }) =>
      answerOf(
        api.GET('/api/projects/{id}/property-values', {
          signal,
          params: {
            path: { id },
            query: {
              property: of.property,
              ...(of.event === '' ? {} : { event: of.event }),
              ...(searched === '' ? {} : { search: searched }),
            },
          },
        }),
      ),
    staleTime: STALE_MS,
    placeholderData: keepPreviousData,
  })
  return values.data?.values ?? []
}
