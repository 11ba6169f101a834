import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { answerOf, api } from '../../api/client.ts'
import { useProject } from '../../current-project.ts'
import type { FunnelAnswer } from './funnel-answer.ts'
import type { FunnelBody } from './funnel-question.ts'
import type { RetentionAnswer } from './retention-answer.ts'
import type { RetentionBody } from './retention-question.ts'
import type { TrendAnswer } from './trend-answer.ts'
import type { TrendBody } from './trend-question.ts'

/** An answer with what was asked for it: the editor may be further by the time it comes. */
interface Asked<Answer, Body> {
  readonly answer: Answer
  readonly body: Body
}

/** Long enough for the next click of the same change, short enough to feel at once. */
const SETTLE_MS = 350

/**
 * A question is heavy: it is asked once the editor rests, the one before it is cancelled, and nobody asks it again when it
 * failed for its own sake.
 */
const asking = { retry: false, staleTime: 60_000 } as const

export function useTrend(latest: TrendBody) {
  const { id } = useProject()
  const body = useSettled(latest)
  return useQuery({
    ...asking,
    placeholderData: keepPreviousData,
    queryKey: ['projects', id, 'trend', body],
    queryFn: async ({ signal }): Promise<Asked<TrendAnswer, TrendBody>> => ({
      answer: await answerOf(api.POST('/api/projects/{id}/trend', { signal, params: { path: { id } }, body })),
      body,
    }),
  })
}

export function useFunnel(latest: FunnelBody) {
  const { id } = useProject()
  const body = useSettled(latest)
  return useQuery({
    ...asking,
    placeholderData: keepPreviousData,
    queryKey: ['projects', id, 'funnel', body],
    queryFn: async ({ signal }): Promise<Asked<FunnelAnswer, FunnelBody>> => ({
      answer: await answerOf(api.POST('/api/projects/{id}/funnel', { signal, params: { path: { id } }, body })),
      body,
    }),
  })
}

export function useRetention(latest: RetentionBody) {
  const { id } = useProject()
  const body = useSettled(latest)
  return useQuery({
    ...asking,
    placeholderData: keepPreviousData,
    queryKey: ['projects', id, 'retention', body],
    queryFn: async ({ signal }): Promise<Asked<RetentionAnswer, RetentionBody>> => ({
      answer: await answerOf(api.POST('/api/projects/{id}/retention', { signal, params: { path: { id } }, body })),
      body,
    }),
  })
}

/** The last body that stayed the same for a moment. */
function useSettled<T>(body: T): T {
  const key = JSON.stringify(body)
  const [settled] = useDebouncedValue(key, SETTLE_MS)
  return settled === key ? body : (JSON.parse(settled) as T)
}
