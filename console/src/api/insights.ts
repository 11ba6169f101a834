import { queryOptions } from '@tanstack/react-query'
import { answerOf, api } from './client.ts'
import type { AnswerTo } from './client.ts'

/** Of every kind; those of kind `sql` are opened by the SQL page, the others by Insights. */
export type SavedQuestion = AnswerTo<'/api/projects/{id}/insights', 'get'>['insights'][number]

export function insightsQuery(projectId: number) {
  return queryOptions({
    queryKey: ['projects', projectId, 'insights'],
    queryFn: async ({ signal }) => {
      const path = { id: projectId }
      return (await answerOf(api.GET('/api/projects/{id}/insights', { signal, params: { path } }))).insights
    },
  })
}
