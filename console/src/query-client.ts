import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'
import { ApiProblem } from './api/problem.ts'
import { sessionKey } from './api/session.ts'

const retriesMax = 2

/** Whatever the API says about the session is acted on here, so that no page has to. */
export function createQueryClient(): QueryClient {
  const heed = (error: unknown): void => {
    if (!(error instanceof ApiProblem)) return
    if (error.status === 401) client.setQueryData(sessionKey, null)
    if (error.code === 'SLUICE_PASSWORD_CHANGE_REQUIRED') void client.invalidateQueries({ queryKey: sessionKey })
  }
  const client = new QueryClient({
    queryCache: new QueryCache({ onError: heed }),
    mutationCache: new MutationCache({
      // A wrong password is the business of the login form, which has no session to lose.
      onError: (error, _variables, _result, mutation) => {
        if (mutation.meta?.['keepsSession'] !== true) heed(error)
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) => failures < retriesMax && isWorthAnotherTry(error),
      },
    },
  })
  return client
}

/** What the server refused it refuses again; what it could not do now it may be able to do in a moment. */
function isWorthAnotherTry(error: unknown): boolean {
  if (!(error instanceof ApiProblem)) return false
  return error.status === 0 || error.status === 502 || error.status === 503 || error.status === 504
}
