import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { listAuditLines, systemActor, trimAuditLog, writeAuditLine } from './audit-log.ts'
import type { Actor } from './audit-log.ts'
import { openTestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import { ensureFirstProject } from './first-project.ts'
import { changeLimit, createLimit, listLimits, removeLimit, setLimit } from './limits.ts'
import type { NewLimit } from './limits.ts'
import { changeProject, project } from './projects.ts'
import type { SqlClient } from './sql-client.ts'
import { ensureFirstUser, resetFirstUser } from './users.ts'

const cli: Actor = { kind: 'cli', id: 'somebody' }
let postgres: TestPostgres
let sql: SqlClient
let organizationId: string
let projectId: number

before(async () => {
  postgres = await openTestPostgres()
  sql = postgres.sql
  const first = await ensureFirstProject(sql, { canaryToken: 'phc_canary' })
  organizationId = first.organizationId
  projectId = first.projectId
})
after(() => postgres.close())

const lines = () => listAuditLines(sql, organizationId, { projectId: undefined, beforeId: undefined, limit: 1000 })
const wish = (eventType: string): NewLimit => ({
  projectId,
  token: null,
  eventType,
  quota: { eventsMax: 5, period: 'day' },
  rate: null,
})

describe('the audit log', () => {
  it('begins with what the first start made, and not with the project of canaries', async () => {
    const told = (await lines()).map(({ action, actorKind }) => [action, actorKind])
    assert.deepEqual(told, [
      ['key.created', 'system'],
      ['token.created', 'system'],
      ['project.created', 'system'],
    ])
    await ensureFirstProject(sql, { canaryToken: 'phc_canary' })
    assert.equal((await lines()).length, told.length)
  })

  it('has no line of a change that failed', async () => {
    const seen = (await lines()).length
    const tooLong = 'x'.repeat(801)
    await assert.rejects(createLimit(sql, cli, wish(tooLong), 10), { code: 'SLUICE_STATE_REFUSED' })
    await assert.rejects(changeProject(sql, cli, projectId, { eventRetentionDays: 0 }))
    assert.equal((await createLimit(sql, cli, wish('one too many'), 0)).kind, 'full')
    assert.equal(await removeLimit(sql, cli, { id: '018f0000-0000-7000-8000-000000000000' }), false)
    assert.equal((await lines()).length, seen)
  })

  it('undoes a change whose line cannot be written', async () => {
    const nobody = { kind: 'nobody', id: 'x' } as unknown as Actor
    const seen = await lines()
    await assert.rejects(createLimit(sql, nobody, wish('without a line'), 10))
    await assert.rejects(changeProject(sql, nobody, projectId, { name: 'Renamed', answers: 'strict' }))
    assert.deepEqual(await listLimits(sql, projectId), [])
    assert.partialDeepStrictEqual(await project(sql, projectId), { name: 'My project', answers: 'sdk' })
    assert.deepEqual(await lines(), seen)
  })

  it('says what was before and after, and nothing when nothing changed', async () => {
    const made = await createLimit(sql, cli, wish('signup'), 10)
    assert.equal(made.kind, 'kept')
    const { id } = made.limit
    const rate = { eventsPerSecond: 0.5, burstEventsMax: 3 }
    assert.equal((await changeLimit(sql, cli, projectId, id, { quota: null, rate })).kind, 'kept')
    assert.equal((await changeLimit(sql, cli, projectId, id, { rate })).kind, 'kept')
    assert.equal((await changeLimit(sql, cli, projectId, id, { rate: null })).kind, 'unlimited')
    await changeProject(sql, cli, projectId, { name: 'My project' })
    assert.equal(await removeLimit(sql, cli, { id, projectId }), true)
    const [removed, changed, created] = await lines()
    const quota = { events_max: 5, period: 'day' }
    const bucket = { events_per_second: 0.5, burst_events_max: 3 }
    const common = { token: null, event_type: 'signup' }
    assert.partialDeepStrictEqual(created, { action: 'limit.created', subject: id, before: null, projectId })
    assert.deepEqual(created?.after, { ...common, quota, rate: null })
    assert.partialDeepStrictEqual(changed, { action: 'limit.changed', actorKind: 'cli', actorId: 'somebody' })
    assert.deepEqual([changed?.before, changed?.after], [created.after, { ...common, quota: null, rate: bucket }])
    assert.partialDeepStrictEqual(removed, { action: 'limit.removed', after: null })
    assert.deepEqual(removed?.before, changed?.after)
  })

  it('tells of logins that are made and reset, and no password', async () => {
    const passwords: string[] = []
    const keep = (password: string) => {
      passwords.push(password)
      return Promise.resolve()
    }
    await ensureFirstUser(sql, organizationId, { keep })
    await resetFirstUser(sql, cli, keep)
    const [reset, made] = await lines()
    const login = { subject: 'admin', projectId: null, before: null, after: null }
    assert.partialDeepStrictEqual(made, { action: 'user.created', actorKind: 'system', ...login })
    assert.partialDeepStrictEqual(reset, { action: 'login.reset', actorKind: 'cli', actorId: 'somebody', ...login })
    assert.equal(passwords.length, 2)
    const all = JSON.stringify(await lines())
    for (const password of passwords) assert.ok(!all.includes(password))
  })

  it('takes any text, halves of characters too', async () => {
    await sql.transaction((session) =>
      writeAuditLine(session, systemActor, { action: 'settings.changed', subject: 'x', after: { a: '\ud800' } }),
    )
    const [line] = await lines()
    assert.deepEqual([line?.after, line?.projectId], [{ a: '\ufffd' }, null])
  })

  it('forgets what is older than it should be, oldest first and so many at once', async () => {
    const all = await lines()
    assert.equal(await trimAuditLog(sql, 30, 100), 0)
    await sql.query(`update sluice.audit_log set at = now() - interval '31 days' where id <= $1`, [all[2]?.id ?? 0])
    assert.equal(await trimAuditLog(sql, 30, 2), 2)
    assert.equal((await lines()).length, all.length - 2)
    await trimAuditLog(sql, 30, 1000)
    assert.deepEqual(await lines(), all.slice(0, 2))
  })
})

describe('limits that several change at once', () => {
  it('are never more than there may be, and one of a kind', async () => {
    const some = Array.from({ length: 12 }, (_, n) => createLimit(sql, cli, wish(`at once ${String(n % 6)}`), 4))
    const kinds = (await Promise.all(some)).map(({ kind }) => kind).sort()
    const limits = await listLimits(sql, projectId)
    assert.equal(limits.length, 4)
    assert.equal(new Set(limits.map(({ eventType }) => eventType)).size, 4)
    assert.deepEqual(
      ['exists', 'full', 'kept'].map((kind) => kinds.filter((one) => one === kind).length),
      [4, 4, 4],
    )
  })

  it('are set as if one came after the other', async () => {
    const [{ eventType } = { eventType: '' }] = await listLimits(sql, projectId)
    const { quota: _, rate: __, ...key } = wish(eventType)
    const rate = { eventsPerSecond: 1, burstEventsMax: 1 }
    const quota = { eventsMax: 9, period: 'ever' } as const
    await Promise.all([
      setLimit(sql, cli, { ...key, change: { rate } }, 4),
      setLimit(sql, cli, { ...key, change: { quota } }, 4),
    ])
    const [limit] = await listLimits(sql, projectId)
    assert.deepEqual([limit?.quota, limit?.rate], [quota, rate])
  })
})
