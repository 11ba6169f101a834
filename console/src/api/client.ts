/**
 * The one way to the API: `await answerOf(api.GET('/api/projects'))` gives the answer or throws an ApiProblem.
 * `api` is typed by the server's own document, so a path or a field that does not exist does not compile.
 */
import createClient from 'openapi-fetch'
import type { paths } from './schema.d.ts'
import { ApiProblem, problemFrom, unreachable } from './problem.ts'

/** Where Sluice is for this browser, prefix of a proxy included; without a slash at the end. */
export const sluiceUrl = new URL('.', document.baseURI.split('#', 1).join('')).href.replace(/\/$/, '')

export const api = createClient<paths>({
  baseUrl: sluiceUrl,
  credentials: 'same-origin',
  // Tells the server that a page of its own asks: other sites cannot set a header.
  headers: { 'sluice-csrf': '1' },
})

api.use({
  async onResponse({ response }) {
    if (response.ok) return
    const body: unknown = await response.json().catch(() => undefined)
    throw problemFrom(response.status, body, response.headers.get('retry-after'))
  },
  onError({ error }) {
    if (error instanceof ApiProblem) return error
    // A question that nobody waits for any more is no news.
    if (error instanceof DOMException && error.name === 'AbortError') return error
    return unreachable(error)
  },
})

/** The body of a good answer; undefined of a 204. Throws ApiProblem for every other. */
export async function answerOf<T>(call: Promise<{ readonly data?: T }>): Promise<NonNullable<T>> {
  const { data } = await call
  return data as NonNullable<T>
}

type Verb = 'get' | 'post' | 'patch' | 'delete'

/** The answer of a route as a type: `AnswerTo<'/api/projects', 'get'>['projects'][number]`. */
export type AnswerTo<P extends keyof paths, V extends Verb> = V extends keyof paths[P]
  ? paths[P][V] extends { responses: infer R }
    ? JsonOf<R[keyof R & (200 | 201)]>
    : never
  : never

/** What a route takes as its body. */
export type BodyOf<P extends keyof paths, V extends Verb> = V extends keyof paths[P]
  ? paths[P][V] extends { requestBody?: infer B }
    ? JsonOf<NonNullable<B>>
    : never
  : never

type JsonOf<T> = T extends { content: { 'application/json': infer J } } ? J : never
