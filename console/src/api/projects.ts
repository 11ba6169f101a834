import { queryOptions } from '@tanstack/react-query'
import { answerOf, api } from './client.ts'
import type { AnswerTo } from './client.ts'

export type Project = AnswerTo<'/api/projects', 'get'>['projects'][number]

export const projectsQuery = queryOptions({
  queryKey: ['projects'],
  queryFn: async ({ signal }) => (await answerOf(api.GET('/api/projects', { signal }))).projects,
  staleTime: 60_000,
})
