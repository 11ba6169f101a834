/** Addresses against real servers: TLS in every mode, several hosts, and which of them takes writes. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { aCertificateFolder, openSslMissing, writeCertificate } from '../../../kit/certificate.fixtures.ts'
import type { SqlClient } from '../sql-client.ts'
import { readDatabaseUrl } from './database-url.ts'
import { openPostgresSqlClient } from './postgres-sql-client.ts'
import type { PostgresSqlClient } from './postgres-sql-client.ts'
import { openTcpPostgres, password } from './tcp-postgres.fixtures.ts'
import type { TcpPostgres } from './tcp-postgres.fixtures.ts'

async function withClient<T>(url: string, work: (sql: PostgresSqlClient) => Promise<T>): Promise<T> {
  const sql = openPostgresSqlClient({ applicationName: 'test', ...(await readDatabaseUrl(url)) })
  try {
    return await work(sql)
  } finally {
    await sql.close()
  }
}

/** What the server says of the connection. */
async function isEncrypted(sql: SqlClient): Promise<boolean> {
  const [row] = await sql.query<{ readonly ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
  return row?.ssl ?? false
}

describe('the address of a server with TLS', { skip: openSslMissing }, () => {
  let server: TcpPostgres
  let ca: string
  let otherCa: string
  let removeCertificates = (): void => undefined

  before(async () => {
    const folder = aCertificateFolder({ after: (clean) => (removeCertificates = clean) })
    const own = writeCertificate(folder, 'the database')
    ca = encodeURIComponent(own.certificateFile)
    otherCa = encodeURIComponent(writeCertificate(folder, 'somebody else', 'other').certificateFile)
    server = await openTcpPostgres({
      tls: own,
      rules: ['hostssl all all 127.0.0.1/32 scram-sha-256', 'hostnossl all all 127.0.0.1/32 reject'],
    })
  })
  after(async () => {
    await server.close()
    removeCertificates()
  })

  it('leads to an encrypted connection in every mode but "disable"', async () => {
    const modes = ['', '?sslmode=allow', '?sslmode=prefer', '?sslmode=require', '?ssl=true', '?sslmode=no-verify']
    const checked = [`?sslmode=require&sslrootcert=${ca}`, `?sslmode=verify-ca&sslrootcert=${ca}`]
    const full = [`?sslmode=verify-full&sslrootcert=${ca}`, '?sslmode=require&channel_binding=require']
    for (const parameters of [...modes, ...checked, ...full]) {
      await withClient(server.url(parameters), async (sql) => {
        assert.equal(await isEncrypted(sql), true, parameters)
        assert.equal(sql.health().encrypted, true)
      })
    }
  })

  it('is refused without TLS where the server wants it, and without a word of the password', async () => {
    await refused(server.url('?sslmode=disable'), /28000/)
    await refused(server.url('?sslmode=require').replace(password, 'wr0ng'), /28P01/)
  })

  it('is refused when somebody else has signed the certificate', async () => {
    for (const mode of ['require', 'verify-ca', 'verify-full'])
      await refused(server.url(`?sslmode=${mode}&sslrootcert=${otherCa}`), /not safe/)
    await refused(server.url('?sslmode=verify-full'), /not safe/)
  })

  it('is refused with "verify-full" alone when the certificate is of another name', async () => {
    const named = (mode: string) => server.url(`?sslmode=${mode}&sslrootcert=${ca}`).replace('127.0.0.1', 'localhost')
    await refused(named('verify-full'), /not safe/)
    await withClient(named('verify-ca'), async (sql) => {
      assert.equal(await isEncrypted(sql), true)
    })
  })

  it('serves those who listen as well', async () => {
    await withClient(server.url('?sslmode=require'), async (sql) => {
      const heard = Promise.withResolvers<undefined>()
      const stop = new AbortController()
      const listening = sql.listen('news', () => heard.resolve(undefined), stop.signal)
      await heard.promise
      stop.abort()
      await listening
    })
  })

  async function refused(url: string, message: RegExp): Promise<void> {
    await withClient(url, async (sql) => {
      await assert.rejects(sql.query('select 1'), (error: Error & { code?: string; retryable?: boolean }) => {
        assert.deepEqual([error.code, error.retryable], ['SLUICE_STATE_REFUSED', false], error.message)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, new RegExp(`${password}|wr0ng`))
        return true
      })
    })
  }
})

describe('the address of a server without TLS', () => {
  let server: TcpPostgres
  let standby: TcpPostgres

  before(async () => {
    server = await openTcpPostgres()
    standby = await openTcpPostgres({ standbyOf: server })
  })
  after(async () => {
    await standby.close()
    await server.close()
  })
  const both = () => server.url().replace('127.0.0.1', `127.0.0.1:${String(standby.port)},127.0.0.1`)

  it('leads to a plain connection where TLS is only preferred, and nowhere where it is required', async () => {
    await withClient(server.url(), async (sql) => {
      assert.equal(await isEncrypted(sql), false)
      assert.equal(sql.health().encrypted, false)
    })
    await withClient(server.url('?sslmode=require'), async (sql) => {
      await assert.rejects(sql.query('select 1'), { code: 'SLUICE_STATE_REFUSED', message: /does not support SSL/ })
    })
  })

  it('leads past hosts that are away', async () => {
    const url = server.url().replace('127.0.0.1', '127.0.0.1:1,127.0.0.1:2,127.0.0.1')
    await withClient(url, async (sql) => {
      assert.deepEqual(await sql.query('select 1 as one'), [{ one: 1 }])
      assert.equal(sql.health().place, `127.0.0.1:${String(server.port)}`)
    })
  })

  it('says that a standby alone takes no writes, and that trying again may help', async () => {
    await withClient(standby.url(), async (sql) => {
      await assert.rejects(sql.query('select 1'), { code: 'SLUICE_STATE_UNAVAILABLE', retryable: true })
      assert.deepEqual([sql.health().state, /standby/.test(sql.health().reason ?? '')], ['away', true])
    })
    await withClient(standby.url('?target_session_attrs=any'), async (sql) => {
      assert.deepEqual(await sql.query('select pg_is_in_recovery() as standby'), [{ standby: true }])
      await assert.rejects(sql.query('create table nowhere ()'), { code: 'SLUICE_STATE_UNAVAILABLE', retryable: true })
    })
  })

  it('leads to the one of several hosts that takes writes, and to its successor after it failed', async () => {
    await withClient(both(), async (sql) => {
      await sql.query('create table kept (n int); insert into kept values (1)')
      assert.equal(sql.health().place, `127.0.0.1:${String(server.port)}`)
      await withClient(standby.url('?target_session_attrs=any'), async (asked) => {
        while ((await rowsKept(asked)) !== 1);
        await server.kill()
        // Told, and not waited for: what waits for it is below.
        await asked.query('select pg_promote(false)')
      })
      for (;;) {
        try {
          await sql.query('insert into kept values (2)')
          break
        } catch (error) {
          assert.equal((error as { retryable?: boolean }).retryable, true, String(error))
        }
      }
      assert.equal(sql.health().place, `127.0.0.1:${String(standby.port)}`)
      assert.equal(await rowsKept(sql), 2)
    })
  })

  /** 0 while the table is not there. */
  async function rowsKept(sql: SqlClient): Promise<number> {
    const [row] = await sql.query<{ readonly n: number }>('select count(*) as n from kept').catch(() => [{ n: 0 }])
    return row?.n ?? 0
  }
})
