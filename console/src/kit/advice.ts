import { ApiProblem } from '../api/problem.ts'

/** What somebody who reads an error can do about it. */
export function adviceFor(error: unknown): string {
  if (!(error instanceof ApiProblem))
    return 'Reload the page. If it happens again, this is a fault of the console: please report it with what you did.'
  const { status, code, retryAfterSeconds } = error
  if (code === 'SLUICE_LIMIT_EXISTS') return 'Change that one: it is in the list of limits.'
  if (status === 0) return 'Look whether the process runs (npx sluice status), then try again.'
  if (status === 400 || status === 422) return 'Change what you asked for as said above, then try again.'
  if (status === 401) return 'Sign in again.'
  if (status === 403) return 'Ask whoever runs this installation for the right to do it.'
  if (status === 404) return 'It may have been removed meanwhile. Go back and look at the list.'
  if (status === 409) return 'Somebody else changed it meanwhile. Reload to see how it stands.'
  if (status === 413) return 'Send less at once.'
  if (status === 429 || status === 503) {
    if (retryAfterSeconds === undefined) return 'Wait a moment, then try again.'
    return `Try again in ${String(retryAfterSeconds)} ${retryAfterSeconds === 1 ? 'second' : 'seconds'}.`
  }
  return 'Try again. If it stays, the log of Sluice says more (standard error of npm start).'
}
