import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { answerOf, api } from '../../api/client.ts'
import type { SqlAnswer } from './SqlResult.tsx'

/**
 * What became of the question that was asked last:
 * - asking: it runs; `cancel` stops it here and in the server.
 * - answered, failed, cancelled: it ended so. `query` is the text that was asked, whatever stands in the editor now.
 */
export type Asked =
  | { readonly kind: 'asking'; readonly query: string; readonly sinceMs: number }
  | { readonly kind: 'answered'; readonly query: string; readonly answer: SqlAnswer }
  | { readonly kind: 'failed'; readonly query: string; readonly error: unknown }
  | { readonly kind: 'cancelled'; readonly query: string }

export function useSqlQuestion(projectId: number) {
  const [asked, setAsked] = useState<Asked>()
  const running = useRef<AbortController>(undefined)
  const mutation = useMutation({
    mutationFn: ({ query, signal }: { readonly query: string; readonly signal: AbortSignal }) =>
      answerOf(api.POST('/api/projects/{id}/sql', { signal, params: { path: { id: projectId } }, body: { query } })),
  })
  // Nobody reads an answer to a page that was left.
  useEffect(() => () => running.current?.abort(), [])

  const ask = (query: string): void => {
    running.current?.abort()
    const own = new AbortController()
    running.current = own
    setAsked({ kind: 'asking', query, sinceMs: Date.now() })
    // A question that another one took the place of has nothing more to say.
    const end = (next: Asked): void => {
      if (running.current === own) setAsked(next)
    }
    mutation.mutateAsync({ query, signal: own.signal }).then(
      (answer) => end({ kind: 'answered', query, answer }),
      (error: unknown) => end(own.signal.aborted ? { kind: 'cancelled', query } : { kind: 'failed', query, error }),
    )
  }
  return { asked, ask, cancel: () => running.current?.abort() }
}
