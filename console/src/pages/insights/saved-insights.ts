import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import type { AnswerTo } from '../../api/client.ts'
import { useProject } from '../../current-project.ts'
import { bodyOf, isInsightKind, questionFromSaved, type InsightKind, type InsightQuestion } from './insight-question.ts'

type AnyInsight = AnswerTo<'/api/projects/{id}/insights', 'get'>['insights'][number]
/** Insights of kind `sql` belong to the SQL page. */
export type SavedInsight = AnyInsight & { readonly kind: InsightKind }

export function savedInsightsQuery(projectId: number) {
  return queryOptions({
    queryKey: ['projects', projectId, 'insights'],
    queryFn: async ({ signal }) => {
      const path = { id: projectId }
      const { insights } = await answerOf(api.GET('/api/projects/{id}/insights', { signal, params: { path } }))
      return insights
    },
    select: (insights) => insights.filter((each): each is SavedInsight => isInsightKind(each.kind)),
  })
}

export function questionOfSaved(insight: SavedInsight, timeZoneHere: string): InsightQuestion {
  return questionFromSaved(insight.kind, insight.question, { at: new Date(insight.updated_at), timeZoneHere })
}

export function useSaveAsInsight() {
  const { id } = useProject()
  return useChange(({ name, question }: { readonly name: string; readonly question: InsightQuestion }) => {
    const { kind, body } = bodyOf(question, new Date())
    const path = { id }
    return answerOf(
      api.POST('/api/projects/{id}/insights', { params: { path }, body: { name, kind, question: { ...body } } }),
    )
  })
}

export function useSaveInsight() {
  const { id } = useProject()
  return useChange(({ insightId, question }: { readonly insightId: string; readonly question: InsightQuestion }) => {
    const path = { id, insight_id: insightId }
    const { body } = bodyOf(question, new Date())
    return answerOf(
      api.PATCH('/api/projects/{id}/insights/{insight_id}', { params: { path }, body: { question: { ...body } } }),
    )
  })
}

/** The question goes along, moved to now: the time of a change decides whether its range rolls. */
export function useRenameInsight() {
  const { id } = useProject()
  return useChange(({ insight, name }: { readonly insight: SavedInsight; readonly name: string }) => {
    const path = { id, insight_id: insight.id }
    const question = questionOfSaved(insight, Intl.DateTimeFormat().resolvedOptions().timeZone)
    const { from, to } = bodyOf(question, new Date()).body
    return answerOf(
      api.PATCH('/api/projects/{id}/insights/{insight_id}', {
        params: { path },
        body: { name, question: { ...insight.question, from, to } },
      }),
    )
  })
}

export function useDeleteInsight() {
  const { id } = useProject()
  return useChange(async (insightId: string) => {
    const path = { id, insight_id: insightId }
    await api.DELETE('/api/projects/{id}/insights/{insight_id}', { params: { path } })
  })
}

function useChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const { id } = useProject()
  const client = useQueryClient()
  return useMutation({
    mutationFn: change,
    onSettled: () => client.invalidateQueries({ queryKey: savedInsightsQuery(id).queryKey }),
  })
}
