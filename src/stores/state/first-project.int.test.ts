import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'
import { openTestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import { ensureFirstProject } from './first-project.ts'
import { createPersonalKey, personalKeyByText } from './keys.ts'
import { migrate, readMigrations } from './migrate.ts'
import { canaryProjectId, listProjects, project, projectByToken, projectTokens } from './projects.ts'
import type { SqlClient } from './sql-client.ts'
import { tokensChangedSince } from './token-changes.ts'

const canaryToken = 'canaries'

describe('the first project', () => {
  let postgres: TestPostgres
  let sql: SqlClient

  before(async () => {
    postgres = await openTestPostgres()
    sql = postgres.sql
  })
  beforeEach(async () => {
    await sql.query('drop schema sluice cascade')
    await migrate(sql, await readMigrations())
  })
  after(() => postgres.close())

  it('is made with random keys that work', async () => {
    const first = await ensureFirstProject(sql, { canaryToken })
    assert.equal(first.created, true)
    assert.equal(first.projectId, 1)
    assert.match(first.token, /^phc_[0-9A-Za-z]{43}$/)
    assert.ok(first.personalKey)
    const made = await projectByToken(sql, first.token)
    assert.equal(made?.name, 'My project')
    assert.equal(made.answers, 'sdk')
    assert.equal(made.eventRetentionDays, undefined)
    const key = await personalKeyByText(sql, first.personalKey)
    assert.equal(key?.organizationId, made.organizationId)
    assert.deepEqual(key?.scopes, ['read', 'write', 'manage'])
  })

  it('is found again at the next start, without a key that nobody can know any more', async () => {
    const { token } = await ensureFirstProject(sql, { canaryToken })
    assert.partialDeepStrictEqual(await ensureFirstProject(sql, { canaryToken }), {
      projectId: 1,
      token,
      personalKey: undefined,
      created: false,
    })
    assert.equal((await sql.query('select from sluice.personal_keys')).length, 1)
    assert.equal((await tokensChangedSince(sql, 0, 10)).length, 2)
  })

  it('is made once when several instances start at the same time', async () => {
    const instances = Array.from({ length: 4 }, () => postgres.client({ connectionsMax: 1 }))
    const all = await Promise.all(instances.map((instance) => ensureFirstProject(instance, { canaryToken })))
    assert.equal(all.filter(({ created }) => created).length, 1)
    assert.equal(new Set(all.map(({ token, projectId }) => `${token} ${String(projectId)}`)).size, 1)
    assert.equal((await sql.query('select from sluice.projects')).length, 2)
  })

  it('takes the keys that were wished, at the first start and at every later one', async () => {
    const wishes = { canaryToken, projectToken: 'my-token', personalKey: 'phx_mine' }
    assert.partialDeepStrictEqual(await ensureFirstProject(sql, wishes), {
      projectId: 1,
      token: 'my-token',
      personalKey: 'phx_mine',
      created: true,
    })
    const others = { canaryToken, projectToken: 'other-token', personalKey: 'phx_other' }
    assert.partialDeepStrictEqual(await ensureFirstProject(sql, others), {
      projectId: 1,
      token: 'other-token',
      personalKey: 'phx_other',
      created: false,
    })
    assert.deepEqual(await projectTokens(sql, 1), ['my-token', 'other-token'])
    for (const text of ['phx_mine', 'phx_other']) assert.ok(await personalKeyByText(sql, text))
  })

  it('makes wished keys valid again that were revoked', async () => {
    const wishes = { canaryToken, projectToken: 'my-token', personalKey: 'phx_mine' }
    await ensureFirstProject(sql, wishes)
    await sql.query('update sluice.project_tokens set revoked_at = now()')
    await sql.query('update sluice.personal_keys set revoked_at = now()')
    assert.equal(await projectByToken(sql, 'my-token'), undefined)
    assert.equal(await personalKeyByText(sql, 'phx_mine'), undefined)
    await ensureFirstProject(sql, wishes)
    assert.equal((await projectByToken(sql, 'my-token'))?.id, 1)
    assert.ok(await personalKeyByText(sql, 'phx_mine'))
  })

  it('gets a token when all of its tokens were revoked', async () => {
    const { token } = await ensureFirstProject(sql, { canaryToken })
    await sql.query('update sluice.project_tokens set revoked_at = now() where project_id = 1')
    const again = await ensureFirstProject(sql, { canaryToken })
    assert.notEqual(again.token, token)
    assert.equal((await projectByToken(sql, again.token))?.id, 1)
  })

  it('leaves a wished token with the project that has it', async () => {
    const { projectId } = await ensureFirstProject(sql, { canaryToken })
    const organizationId = (await project(sql, projectId))?.organizationId ?? null
    await sql.query(`insert into sluice.projects (organization_id, name) values ($1, 'Second')`, [organizationId])
    await sql.query(`insert into sluice.project_tokens (token, project_id) values ('of-the-second', 2)`)
    const wished = await ensureFirstProject(sql, { canaryToken, projectToken: 'of-the-second' })
    assert.equal(wished.projectId, 2)
    assert.equal(wished.token, 'of-the-second')
  })

  it('is not listed with the reserved project, which has the token of the canaries', async () => {
    const { projectId } = await ensureFirstProject(sql, { canaryToken })
    assert.equal((await projectByToken(sql, canaryToken))?.id, canaryProjectId)
    const organizationId = (await project(sql, projectId))?.organizationId ?? ''
    assert.deepEqual(
      (await listProjects(sql, organizationId)).map(({ id }) => id),
      [projectId],
    )
  })

  it('refuses tokens that cannot be one, and the token of the canaries', async () => {
    for (const projectToken of ['', ' spaced ', 'phx_personal', 'x'.repeat(65), 'ümlaut']) {
      await assert.rejects(ensureFirstProject(sql, { canaryToken, projectToken }), {
        code: 'SLUICE_PROJECT_TOKEN_INVALID',
      })
    }
    await assert.rejects(ensureFirstProject(sql, { canaryToken, projectToken: canaryToken }), {
      code: 'SLUICE_PROJECT_TOKEN_TAKEN',
    })
    await ensureFirstProject(sql, { canaryToken, projectToken: 'taken' })
    await assert.rejects(ensureFirstProject(sql, { canaryToken: 'taken' }), { code: 'SLUICE_CANARY_TOKEN_TAKEN' })
  })

  describe('with its personal keys', () => {
    it('notes the use of a key, at most once a minute', async () => {
      await ensureFirstProject(sql, { canaryToken, personalKey: 'phx_mine' })
      const used = async () =>
        (await sql.query<{ at: Date | null }>('select last_used_at as at from sluice.personal_keys'))[0]?.at
      assert.equal(await used(), null)
      await personalKeyByText(sql, 'phx_mine')
      const first = await used()
      assert.ok(first)
      await personalKeyByText(sql, 'phx_mine')
      assert.deepEqual(await used(), first)
      await sql.query(`update sluice.personal_keys set last_used_at = last_used_at - interval '61 seconds'`)
      await personalKeyByText(sql, 'phx_mine')
      assert.ok(((await used())?.getTime() ?? 0) >= first.getTime())
    })

    it('keeps hashes and no keys', async () => {
      const { personalKey } = await ensureFirstProject(sql, { canaryToken })
      assert.ok(personalKey)
      const [row] = await sql.query<{ text: string }>('select k::text as text from sluice.personal_keys k')
      assert.ok(row && !row.text.includes(personalKey))
    })

    it('knows nobody by a wrong key, and refuses to make one that cannot be sent', async () => {
      const { projectId } = await ensureFirstProject(sql, { canaryToken })
      const organizationId = (await project(sql, projectId))?.organizationId ?? ''
      assert.equal(await personalKeyByText(sql, 'phx_nobody'), undefined)
      for (const text of ['', 'with space', 'x'.repeat(257)]) {
        await assert.rejects(createPersonalKey(sql, { organizationId, label: '', scopes: [], text }), {
          code: 'SLUICE_PERSONAL_KEY_INVALID',
        })
      }
      const made = await createPersonalKey(sql, { organizationId, label: 'reports', scopes: ['read'] })
      const found = await personalKeyByText(sql, made)
      assert.deepEqual({ label: found?.label, scopes: found?.scopes }, { label: 'reports', scopes: ['read'] })
    })
  })
})
