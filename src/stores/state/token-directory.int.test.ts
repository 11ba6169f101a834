import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../../kit/failure.ts'
import type { LogLevel, Telemetry } from '../../kit/telemetry/telemetry.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { openTestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import type { TestPostgres } from './embedded-postgres/postgres.fixtures.ts'
import { ensureFirstProject } from './first-project.ts'
import { migrate, readMigrations } from './migrate.ts'
import type { SqlClient, SqlSession } from './sql-client.ts'
import { openTokenDirectory } from './token-directory.ts'
import type { TokenDirectory, TokenDirectoryOptions } from './token-directory.ts'

const known = { kind: 'known', projectId: 1, answers: 'sdk' }
const often = { refreshMs: 5 }
const never = { refreshMs: 3_600_000 }

describe('the token directory', () => {
  let postgres: TestPostgres
  let sql: SqlClient
  let folder: string
  let snapshotFile: string
  let nowMs: number
  const open: TokenDirectory[] = []

  before(async () => {
    postgres = await openTestPostgres()
    sql = postgres.sql
  })
  beforeEach(async () => {
    await sql.query('drop schema sluice cascade')
    await migrate(sql, await readMigrations())
    await ensureFirstProject(sql, { canaryToken: 'canaries', projectToken: 'first' })
    folder = await mkdtemp(join(tmpdir(), 'sluice-tokens-'))
    snapshotFile = join(folder, 'tokens.json')
    nowMs = 1_000_000
  })
  afterEach(async () => {
    for (const directory of open.splice(0)) await directory.close()
    await rm(folder, { recursive: true })
  })
  after(() => postgres.close())

  /** Its clock stands still until the test moves it; opening waits for the first refresh. */
  const start = async (options: Partial<TokenDirectoryOptions> = {}): Promise<TokenDirectory> => {
    const directory = await openTokenDirectory({
      sql,
      snapshotFile,
      telemetry: silent,
      firstRefreshTimeoutMs: 60_000,
      nowMs: () => nowMs,
      ...options,
    })
    open.push(directory)
    return directory
  }
  const addToken = (token: string) =>
    sql.query('insert into sluice.project_tokens (token, project_id) values ($1, 1)', [token])
  const until = async (condition: () => boolean) => {
    while (!condition()) await sleep(1)
  }

  it('knows the tokens there are, and that there are no others', async () => {
    const directory = await start(never)
    assert.deepEqual(directory.lookup('first'), known)
    assert.deepEqual(directory.lookup('canaries'), { kind: 'known', projectId: 0, answers: 'sdk' })
    assert.deepEqual(directory.lookup('mistyped'), { kind: 'unknown' })
    assert.deepEqual(await directory.confirm('mistyped'), { kind: 'unknown' })
  })

  it('follows tokens that are added and revoked, and projects that change their answers', async () => {
    const directory = await start(often)
    await addToken('second')
    await until(() => directory.lookup('second').kind === 'known')
    await sql.query(`update sluice.projects set answers = 'strict' where id = 1`)
    const strict = { kind: 'known', projectId: 1, answers: 'strict' }
    await until(() => JSON.stringify(directory.lookup('second')) === JSON.stringify(strict))
    await sql.query(`update sluice.project_tokens set revoked_at = now() where token = 'second'`)
    await until(() => directory.lookup('second').kind === 'unknown')
    assert.deepEqual(directory.lookup('first'), strict)
  })

  it('misses no token of transactions that end in another order than they began', async () => {
    const directory = await start({ ...often, pageTokens: 3 })
    const added = Array.from({ length: 40 }, (_, n) => `token-${String(n)}`)
    await Promise.all(
      added.map((token, n) =>
        sql.transaction(async (session) => {
          await session.query('select pg_sleep($1)', [((n * 7) % 10) / 1000])
          await session.query('insert into sluice.project_tokens (token, project_id) values ($1, 1)', [token])
          await session.query('select pg_sleep($1)', [((n * 3) % 10) / 1000])
        }),
      ),
    )
    await until(() => added.every((token) => directory.lookup(token).kind === 'known'))
  })

  describe('with what projects say about their events', () => {
    const idOf = async (statement: string): Promise<string> =>
      (await sql.query<{ readonly id: string }>(`${statement} returning id`))[0]?.id ?? ''
    const policyOf = (directory: TokenDirectory, token: string) => {
      const answer = directory.lookup(token)
      return answer.kind === 'known' ? answer.policy : undefined
    }

    it('knows all of it, and what is about one token for that token alone', async () => {
      await addToken('second')
      await sql.query(`update sluice.project_tokens set lanes = '{exceptions,client_warnings}' where token = 'second'`)
      const all = await idOf(`insert into sluice.limits (project_id, event_type, quota_events_max, quota_period)
        values (1, '@events', 9007199254740991, 'month')`)
      const own =
        await idOf(`insert into sluice.limits (project_id, token, event_type, rate_events_per_second, rate_burst_events_max)
        values (1, 'second', '@events', 0.5, 3)`)
      const drop = await idOf(`insert into sluice.event_restrictions (project_id, kind, tokens, event_names)
        values (1, 'drop_event_from_ingestion', '{first}', '{"a \\"b\\""}')`)
      await sql.query(`insert into sluice.signing_secrets (project_id, label, secret, created_at, revoked_at) values
        (1, 'new', repeat('n', 32), now() + interval '1 s', null), (1, 'old', repeat('o', 32), now(), null),
        (1, 'gone', repeat('g', 32), now(), now())`)
      const directory = await start(never)
      const signingSecrets = ['o'.repeat(32), 'n'.repeat(32)]
      assert.deepEqual(policyOf(directory, 'first'), {
        signingSecrets,
        lanes: undefined,
        limits: [{ id: all, eventType: '@events', quota: { eventsMax: 9007199254740991, period: 'month' } }],
        restrictions: [
          {
            id: drop,
            kind: 'drop_event_from_ingestion',
            distinctIds: [],
            sessionIds: [],
            eventNames: ['a "b"'],
            eventUuids: [],
            pipelines: [],
          },
        ],
      })
      assert.deepEqual(policyOf(directory, 'second'), {
        signingSecrets,
        lanes: ['exceptions', 'client_warnings'],
        limits: [{ id: own, eventType: '@events', rate: { eventsPerSecond: 0.5, burstEventsMax: 3 } }],
        restrictions: [],
      })
      assert.equal(policyOf(directory, 'canaries'), undefined)
      await addToken('third')
      assert.deepEqual((await directory.confirm('third')).kind, 'known')
      assert.deepEqual(policyOf(directory, 'third')?.signingSecrets, signingSecrets)
    })

    it('follows every change of it as soon as it hears of it, and knows it after a start without Postgres', async () => {
      const directory = await start({ ...never, listener: sql })
      const limits = () => policyOf(directory, 'first')?.limits.map(({ quota }) => quota?.eventsMax)
      const limit = await idOf(`insert into sluice.limits (project_id, event_type, quota_events_max, quota_period)
        values (1, '@events', 1, 'day')`)
      await until(() => limits()?.[0] === 1)
      await sql.query('update sluice.limits set quota_events_max = 2 where id = $1', [limit])
      await until(() => limits()?.[0] === 2)
      await sql.query(`insert into sluice.event_restrictions (project_id, kind) values (1, 'redirect_to_dlq')`)
      await until(() => policyOf(directory, 'first')?.restrictions.length === 1)
      await sql.query('delete from sluice.event_restrictions')
      await until(() => policyOf(directory, 'first')?.restrictions.length === 0)
      const secret = `insert into sluice.signing_secrets (project_id, label, secret) values (1, '', repeat('s', 32))`
      await sql.query(secret)
      await until(() => policyOf(directory, 'first')?.signingSecrets.length === 1)
      await directory.close()
      const later = await start({ ...never, sql: { query: () => Promise.reject(new Error('away')) } })
      assert.deepEqual(policyOf(later, 'first'), policyOf(directory, 'first'))
      await sql.query('delete from sluice.limits')
      await sql.query('update sluice.signing_secrets set revoked_at = now()')
      assert.deepEqual((await start(never)).lookup('first'), known)
    })
  })

  it('refreshes no more often than it may, however much it hears, and misses nothing of it', async () => {
    let refreshes = 0
    const counted: SqlSession = { query: (text, values) => (refreshes++, sql.query(text, values)) }
    const listener = { hear: (): void => undefined }
    const directory = await start({
      ...never,
      heardPauseMs: 50,
      sql: counted,
      listener: {
        listen(_, heard, signal) {
          listener.hear = heard
          return new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              resolve()
            })
          })
        },
      },
    })
    const began = performance.now()
    for (let n = 0; performance.now() - began < 500; n++) {
      if (n === 20) await addToken('second')
      listener.hear()
      await sleep(1)
    }
    await until(() => directory.lookup('second').kind === 'known')
    const most = 2 + (performance.now() - began) / 50
    assert.ok(refreshes <= most, `${String(refreshes)} refreshes, at most ${String(most)}`)
  })

  it('reads everything anew from time to time, whatever versions say', async () => {
    const directory = await start({ ...often, reloadMs: 60_000 })
    await sql.query(`delete from sluice.project_tokens where token = 'first'`)
    nowMs += 60_000
    await until(() => directory.lookup('first').kind === 'unknown')
  })

  it('is unsure about what it does not know once the list is stale', async () => {
    const directory = await start({ ...never, staleMs: 10_000 })
    nowMs += 9999
    assert.deepEqual(directory.lookup('mistyped'), { kind: 'unknown' })
    nowMs += 1
    assert.deepEqual(directory.lookup('mistyped'), { kind: 'unsure' })
    assert.deepEqual(directory.lookup('first'), known)
  })

  it('confirms a token that exists for only a moment, and knows it from then on', async () => {
    const directory = await start(never)
    await addToken('brand-new')
    assert.deepEqual(directory.lookup('brand-new'), { kind: 'unknown' })
    assert.deepEqual(await directory.confirm('brand-new'), known)
    assert.deepEqual(directory.lookup('brand-new'), known)
  })

  it('asks about a token that nobody has only once in a while, and no more often than it may', async () => {
    const asked: unknown[] = []
    const directory = await start({
      ...never,
      sql: { query: (text, values) => (asked.push(values?.[0]), sql.query(text, values)) },
      confirmationsPerSecondMax: 3,
      refusalMs: 2000,
      staleMs: 60_000,
    })
    asked.length = 0
    await Promise.all([directory.confirm('a'), directory.confirm('a')])
    await directory.confirm('a')
    assert.deepEqual(asked, ['a'])
    nowMs += 2000
    for (const token of ['a', 'b', 'c', 'd', 'e']) assert.equal((await directory.confirm(token)).kind, 'unknown')
    assert.deepEqual(asked, ['a', 'a', 'b', 'c'], 'three a second')
    await addToken('d')
    assert.equal((await directory.confirm('d')).kind, 'unknown', 'of that second')
    nowMs += 1000
    assert.deepEqual(await directory.confirm('d'), known)
  })

  it('forgets the oldest refusal when it may not remember more', async () => {
    const asked: unknown[] = []
    const counted: SqlSession = { query: (text, values) => (asked.push(values?.[0]), sql.query(text, values)) }
    const directory = await start({ ...never, sql: counted, refusalsMax: 2 })
    asked.length = 0
    for (const token of ['a', 'b', 'c', 'c', 'b', 'a']) await directory.confirm(token)
    assert.deepEqual(asked, ['a', 'b', 'c', 'a'])
  })

  it('is unsure, not wrong, when there are more tokens than it may keep, and says so once', async () => {
    const said = listening()
    const directory = await start({ ...often, tokensMax: 2, telemetry: said.telemetry })
    await addToken('third')
    await until(() => directory.lookup('third').kind === 'unsure')
    await addToken('fourth')
    await until(() => directory.lookup('fourth').kind === 'unsure')
    assert.deepEqual(directory.lookup('first'), known)
    assert.deepEqual(said.levels, ['error'])
    assert.deepEqual(await directory.confirm('fourth'), known)
  })

  describe('while Postgres is away', () => {
    const away: SqlSession = {
      query: () => Promise.reject(new Failure('SLUICE_STATE_UNAVAILABLE', 'Away.', { retryable: true })),
    }

    it('knows what it knew before it was started, and is unsure about all else', async () => {
      const earlier = await start(never)
      await earlier.close()
      const directory = await start({ ...never, sql: away })
      assert.deepEqual(directory.lookup('first'), known)
      assert.deepEqual(directory.lookup('mistyped'), { kind: 'unsure' })
      assert.deepEqual(await directory.confirm('mistyped'), { kind: 'unsure' })
    })

    it('keeps its list, says once that it cannot refresh it, and says when it can again', async () => {
      const said = listening()
      let now: SqlSession = sql
      const switched: SqlSession = { query: (text, values) => now.query(text, values) }
      const directory = await start({ ...often, sql: switched, staleMs: 10_000, telemetry: said.telemetry })
      now = away
      await until(() => said.counted('state_token_refreshes_failed_total') >= 3)
      nowMs += 10_000
      assert.deepEqual(directory.lookup('first'), known)
      assert.deepEqual(directory.lookup('mistyped'), { kind: 'unsure' })
      assert.deepEqual(said.levels, ['warn'])
      now = sql
      await until(() => directory.lookup('mistyped').kind === 'unknown')
      assert.deepEqual(said.levels, ['warn', 'info'])
    })

    it('opens without it when it does not even answer', async () => {
      const silence: SqlSession = {
        query: () => new Promise((_, reject) => setTimeout(reject, 300, new Error('late'))),
      }
      const directory = await start({ ...never, sql: silence, firstRefreshTimeoutMs: 1 })
      assert.deepEqual(directory.lookup('first'), { kind: 'unsure' })
    })
  })

  it('ignores a snapshot that is damaged, and replaces it', async () => {
    await writeFile(snapshotFile, '{"format":1}\n["first"')
    const said = listening()
    const directory = await start({ ...never, telemetry: said.telemetry })
    assert.deepEqual(directory.lookup('first'), known)
    assert.deepEqual(said.levels, ['warn'])
    await directory.close()
    assert.match(await readFile(snapshotFile, 'utf8'), /^\{"format":2\}\n[^]*\["first",1,"sdk"\]\n\{"tokens":2\}\n$/)
  })

  it('saves what it learnt when it is closed, and can be closed twice', async () => {
    const directory = await start({ ...often, snapshotEveryMs: 3_600_000 })
    await addToken('second')
    await until(() => directory.lookup('second').kind === 'known')
    assert.doesNotMatch(await readFile(snapshotFile, 'utf8'), /second/)
    await directory.close()
    await directory.close()
    assert.match(await readFile(snapshotFile, 'utf8'), /second/)
  })

  it('goes on when the snapshot cannot be written', async () => {
    const said = listening()
    const directory = await start({
      ...never,
      snapshotFile: join(folder, 'missing', 'tokens.json'),
      telemetry: said.telemetry,
    })
    assert.deepEqual(directory.lookup('first'), known)
    await until(() => said.levels.includes('warn'))
  })
})

function listening() {
  const levels: LogLevel[] = []
  const counts = new Map<string, number>()
  const telemetry: Telemetry = {
    ...silent,
    log: (level) => void levels.push(level),
    count: (name, by = 1) => void counts.set(name, (counts.get(name) ?? 0) + by),
  }
  return { telemetry, levels, counted: (name: string) => counts.get(name) ?? 0 }
}
