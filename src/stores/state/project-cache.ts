/**
 * "Whose token is this?", for those who process events: Postgres answers, a cache remembers, so that neither a stream of
 * events becomes a stream of queries nor Postgres being away stops what is known.
 *
 * - A project holds for `projectMs`, "nobody has this token" for `refusalMs`. Then Postgres is asked again.
 * - When it cannot answer, a project known before goes on to hold, and Postgres is left alone for `retryMs`.
 * - Nothing is guessed: a token not known before rejects with a retryable Failure until Postgres is back.
 */
import { Failure } from '../../kit/failure.ts'
import { projectByToken } from './projects.ts'
import type { Project } from './projects.ts'
import type { SqlSession } from './sql-client.ts'

export interface ProjectCache {
  /** The project that the token writes to; undefined when nobody has it. Rejects only when that cannot be known now. */
  projectOf(token: string): Promise<Project | undefined>
}

export interface ProjectCacheOptions {
  readonly sql: SqlSession
  readonly projectMs?: number
  readonly refusalMs?: number
  readonly retryMs?: number
  /** Tokens remembered; the one asked for longest ago goes first. */
  readonly tokensMax?: number
  /** Milliseconds of a clock that only goes forward. */
  readonly nowMs?: () => number
}

interface Remembered {
  readonly project: Project | undefined
  readonly goodUntilMs: number
}

export function createProjectCache(options: ProjectCacheOptions): ProjectCache {
  const { sql, projectMs = 30_000, refusalMs = 5000, retryMs = 1000, tokensMax = 100_000 } = options
  const nowMs = options.nowMs ?? (() => performance.now())
  /** In the order of their last answer from Postgres. */
  const remembered = new Map<string, Remembered>()
  const asking = new Map<string, Promise<Project | undefined>>()
  let awayUntilMs = -Infinity

  async function ask(token: string): Promise<Project | undefined> {
    const project = await projectByToken(sql, token)
    const goodUntilMs = nowMs() + (project === undefined ? refusalMs : projectMs)
    remembered.delete(token)
    remembered.set(token, { project, goodUntilMs })
    for (const oldest of remembered.keys()) {
      if (remembered.size <= tokensMax) break
      remembered.delete(oldest)
    }
    return project
  }

  async function askOnce(token: string): Promise<Project | undefined> {
    const underway = asking.get(token)
    if (underway !== undefined) return await underway
    const question = ask(token).finally(() => asking.delete(token))
    asking.set(token, question)
    return await question
  }

  return {
    async projectOf(token) {
      const found = remembered.get(token)
      if (found !== undefined && nowMs() < found.goodUntilMs) return found.project
      if (found?.project !== undefined && nowMs() < awayUntilMs) return found.project
      try {
        return await askOnce(token)
      } catch (error) {
        if (!(error instanceof Failure && error.retryable)) throw error
        awayUntilMs = nowMs() + retryMs
        if (found?.project !== undefined) return found.project
        throw error
      }
    },
  }
}
