import { queryOptions } from '@tanstack/react-query'
import { answerOf, api } from './client.ts'
import type { AnswerTo } from './client.ts'
import { ApiProblem } from './problem.ts'

export type Session = AnswerTo<'/api/session', 'get'>

export const sessionKey = ['session'] as const

/** Null when nobody is signed in. The layout shows the login page then, and stays where it is. */
export const sessionQuery = queryOptions({
  queryKey: sessionKey,
  queryFn: async (): Promise<Session | null> => {
    try {
      return await answerOf(api.GET('/api/session'))
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return null
      throw error
    }
  },
  staleTime: 5 * 60_000,
})
