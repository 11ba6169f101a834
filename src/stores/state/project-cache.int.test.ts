import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { Failure } from '../../kit/failure.ts'
import { openTestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import { ensureFirstProject } from './first-project.ts'
import { createProjectCache } from './project-cache.ts'
import type { ProjectCache } from './project-cache.ts'
import type { SqlSession } from './sql-client.ts'

describe('the project cache', () => {
  let postgres: TestPostgres
  let nowMs: number
  let asked: unknown[]
  let away: boolean
  let projects: ProjectCache

  before(async () => {
    postgres = await openTestPostgres()
    await ensureFirstProject(postgres.sql, { canaryToken: 'canaries', projectToken: 'first' })
  })
  after(() => postgres.close())
  beforeEach(async () => {
    await postgres.sql.query(`delete from sluice.project_tokens where token not in ('canaries', 'first')`)
    await postgres.sql.query(`update sluice.projects set name = 'My project' where id = 1`)
    nowMs = 1_000_000
    asked = []
    away = false
    const sql: SqlSession = {
      query(text, values) {
        asked.push(values?.[0])
        if (!away) return postgres.sql.query(text, values)
        return Promise.reject(new Failure('SLUICE_STATE_UNAVAILABLE', 'Away.', { retryable: true }))
      },
    }
    projects = createProjectCache({
      sql,
      nowMs: () => nowMs,
      projectMs: 30_000,
      refusalMs: 5000,
      retryMs: 1000,
      tokensMax: 3,
    })
  })

  it('asks once for a project and remembers it for a while', async () => {
    const [one, other] = await Promise.all([projects.projectOf('first'), projects.projectOf('first')])
    assert.equal(one?.id, 1)
    assert.equal(other, one)
    await postgres.sql.query(`update sluice.projects set name = 'New name' where id = 1`)
    nowMs += 29_999
    assert.equal((await projects.projectOf('first'))?.name, 'My project')
    nowMs += 1
    assert.equal((await projects.projectOf('first'))?.name, 'New name')
    assert.deepEqual(asked, ['first', 'first'])
  })

  it('remembers for a shorter while that nobody has a token', async () => {
    assert.equal(await projects.projectOf('late'), undefined)
    await postgres.sql.query(`insert into sluice.project_tokens (token, project_id) values ('late', 1)`)
    nowMs += 4999
    assert.equal(await projects.projectOf('late'), undefined)
    nowMs += 1
    assert.equal((await projects.projectOf('late'))?.id, 1)
    assert.deepEqual(asked, ['late', 'late'])
  })

  it('goes on with what it knew while Postgres is away, and asks no more often than it should', async () => {
    await projects.projectOf('first')
    away = true
    nowMs += 30_000
    for (let n = 0; n < 10; n++) assert.equal((await projects.projectOf('first'))?.id, 1)
    assert.deepEqual(asked, ['first', 'first'])
    nowMs += 1000
    assert.equal((await projects.projectOf('first'))?.id, 1)
    assert.deepEqual(asked, ['first', 'first', 'first'])
    away = false
    nowMs += 1000
    await projects.projectOf('first')
    await projects.projectOf('first')
    assert.equal(asked.length, 4)
  })

  it('guesses nothing about a token it did not know before Postgres went away', async () => {
    await projects.projectOf('late')
    away = true
    nowMs += 5000
    for (const token of ['late', 'first']) {
      await assert.rejects(projects.projectOf(token), { code: 'SLUICE_STATE_UNAVAILABLE', retryable: true })
    }
    away = false
    assert.equal((await projects.projectOf('first'))?.id, 1)
  })

  it('remembers no more tokens than it may', async () => {
    for (const token of ['first', 'a', 'b', 'c']) await projects.projectOf(token)
    asked.length = 0
    for (const token of ['c', 'b', 'a', 'first']) await projects.projectOf(token)
    assert.deepEqual(asked, ['first'])
  })
})
