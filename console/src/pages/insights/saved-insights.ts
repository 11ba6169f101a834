import { useMutation, useQueryClient } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import { insightsQuery, type SavedQuestion } from '../../api/insights.ts'
import { useProject } from '../../current-project.ts'
import { bodyOf, isInsightKind, questionFromSaved, type InsightKind, type InsightQuestion } from './insight-question.ts'

/** One that this page can show; questions in SQL are listed here and shown by the SQL page. */
export type SavedInsight = SavedQuestion & { readonly kind: InsightKind }

export function isSavedInsight(saved: SavedQuestion): saved is SavedInsight {
  return isInsightKind(saved.kind)
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

/** A question with a range goes along, moved to now: the time of a change decides whether its range rolls. */
export function useRenameInsight() {
  const { id } = useProject()
  return useChange(({ insight, name }: { readonly insight: SavedQuestion; readonly name: string }) => {
    const path = { id, insight_id: insight.id }
    const body = isSavedInsight(insight) ? { name, question: movedToNow(insight) } : { name }
    return answerOf(api.PATCH('/api/projects/{id}/insights/{insight_id}', { params: { path }, body }))
  })
}

export function useDeleteInsight() {
  const { id } = useProject()
  return useChange(async (insightId: string) => {
    const path = { id, insight_id: insightId }
    await api.DELETE('/api/projects/{id}/insights/{insight_id}', { params: { path } })
  })
}

function movedToNow(insight: SavedInsight): SavedInsight['question'] {
  const question = questionOfSaved(insight, Intl.DateTimeFormat().resolvedOptions().timeZone)
  const { from, to } = bodyOf(question, new Date()).body
  return { ...insight.question, from, to }
}

function useChange<Input, Output>(change: (input: Input) => Promise<Output>) {
  const { id } = useProject()
  const client = useQueryClient()
  return useMutation({
    mutationFn: change,
    onSettled: () => client.invalidateQueries({ queryKey: insightsQuery(id).queryKey }),
  })
}
