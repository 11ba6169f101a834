import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseDatabaseUrl, readDatabaseUrl } from './database-url.ts'

describe('the address of a database', () => {
  it('names host, port, user, password and database', () => {
    const { hosts, user, password, database } = parseDatabaseUrl('postgresql://sluice:s3cret@db.example:6432/events')
    assert.deepEqual(
      { hosts, user, password, database },
      { hosts: [{ host: 'db.example', port: 6432 }], user: 'sluice', password: 's3cret', database: 'events' },
    )
  })

  it('may leave out password, port and database', () => {
    const { hosts, password, database } = parseDatabaseUrl('postgres://sluice@db')
    assert.deepEqual(
      { hosts, password, database },
      { hosts: [{ host: 'db', port: 5432 }], password: undefined, database: 'sluice' },
    )
  })

  it('has any character in user, password and database, as percent signs', () => {
    const { user, password, database } = parseDatabaseUrl('postgres://o%27neil:p%40%3A%2F%3F%23%25+%C3%A9@db/my%20db')
    assert.deepEqual({ user, password, database }, { user: "o'neil", password: 'p@:/?#%+é', database: 'my db' })
  })

  it('names addresses of version 6, folders of sockets, and hosts among its parameters', () => {
    const hostsOf = (url: string) => parseDatabaseUrl(url).hosts
    assert.deepEqual(hostsOf('postgres://u@[2001:db8::1]:6000/d'), [{ host: '2001:db8::1', port: 6000 }])
    assert.deepEqual(hostsOf('postgres://u@%2Fvar%2Frun%2Fpostgresql/d'), [{ host: '/var/run/postgresql', port: 5432 }])
    assert.deepEqual(hostsOf('postgres://u@/d?host=/run/pg&port=6000'), [{ host: '/run/pg', port: 6000 }])
    assert.deepEqual(hostsOf('postgres:///d?host=db&user=u'), [{ host: 'db', port: 5432 }])
  })

  it('names several hosts, each with its port or with the one for all', () => {
    const hostsOf = (url: string) => parseDatabaseUrl(url).hosts.map(({ host, port }) => `${host}:${String(port)}`)
    assert.deepEqual(hostsOf('postgres://u@a:1,[::1]:2,c/d'), ['a:1', '::1:2', 'c:5432'])
    assert.deepEqual(hostsOf('postgres://u@a,b/d?port=6000'), ['a:6000', 'b:6000'])
    assert.deepEqual(hostsOf('postgres://u@/d?host=a,b&port=1,2'), ['a:1', 'b:2'])
  })

  it('is refused with the reason and without the password when something is wrong with it', async () => {
    const wrong = {
      'mysql://u:s3cret@db/d': /no address like/,
      s3cret: /no address like/,
      'host=db user=u password=s3cret': /no address like/,
      'postgres://u:s3cret@x@db/d': /as %40/,
      'postgres://u:s3cret#x@db/d': /%23/,
      'postgres://u:s3cret%@db/d': /as %25/,
      'postgres://:s3cret@db/d': /no user/,
      'postgres://u:s3cret@/d': /no host/,
      'postgres://u:s3cret@db:70000/d': /port/,
      'postgres://u:s3cret@db:x/d': /host|port/,
      'postgres://u:s3cret@db/d?sslmode=maybe': /sslmode that is none of/,
      'postgres://u:s3cret@db/d?pgbouncer=true': /"pgbouncer", which means nothing/,
      'postgres://u:s3cret@db/d?sslmode': /"sslmode" without/,
      'postgres://u:s3cret@db/d?ssl=1': /neither true nor false/,
      'postgres://u:s3cret@db/d?target_session_attrs=standby': /target_session_attrs/,
      'postgres://u:s3cret@db/d?sslmode=verify-ca': /verify-full/,
      'postgres://u:s3cret@db/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem': /sslrootcert.+ENOENT/,
    }
    for (const [url, message] of Object.entries(wrong)) {
      await assert.rejects(readDatabaseUrl(url), (error: Error & { readonly code?: string }) => {
        assert.equal(error.code, 'SLUICE_STATE_ADDRESS', url)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /s3cret/)
        return true
      })
    }
  })

  it('tries TLS as its sslmode says, in that order', async () => {
    const tlsOf = async (query: string, caFile?: string) => {
      const url = `postgres://u@db/d${query}`
      const { connection, otherWays } = await readDatabaseUrl(url, caFile === undefined ? {} : { caFile })
      return [connection, ...otherWays].map(({ ssl }) => {
        if (typeof ssl !== 'object') return 'none'
        if (ssl.rejectUnauthorized === false) return 'unchecked'
        const authority = typeof ssl.ca === 'string' ? ssl.ca : 'public'
        return ssl.checkServerIdentity === undefined ? `${authority} and name` : authority
      })
    }
    const folder = await mkdtemp(join(tmpdir(), 'sluice-ca-'))
    const caFile = join(folder, 'ca.pem')
    await writeFile(caFile, 'OURS')
    assert.deepEqual(await tlsOf(''), ['unchecked', 'none'])
    assert.deepEqual(await tlsOf('?sslmode=disable'), ['none'])
    assert.deepEqual(await tlsOf('?sslmode=allow'), ['none', 'unchecked'])
    assert.deepEqual(await tlsOf('?sslmode=prefer'), ['unchecked', 'none'])
    assert.deepEqual(await tlsOf('?sslmode=require'), ['unchecked'])
    assert.deepEqual(await tlsOf('?ssl=true'), ['unchecked'])
    assert.deepEqual(await tlsOf('?sslmode=require', caFile), ['OURS'])
    assert.deepEqual(await tlsOf(`?sslmode=verify-ca&sslrootcert=${caFile}`), ['OURS'])
    assert.deepEqual(await tlsOf('?sslmode=verify-full', caFile), ['OURS and name'])
    assert.deepEqual(await tlsOf('?sslmode=verify-full&sslrootcert=system', caFile), ['public and name'])
    await rm(folder, { recursive: true })
  })

  it('tries each host, and a socket without TLS', async () => {
    const { connection, otherWays } = await readDatabaseUrl('postgres://u@a,%2Frun%2Fpg/d?sslmode=require')
    assert.deepEqual(
      [connection, ...otherWays].map(({ host, ssl }) => [host, ssl !== false]),
      [
        ['a', true],
        ['/run/pg', false],
      ],
    )
  })

  it('wants a server that takes writes unless it, or who reads it, says otherwise', async () => {
    const sessionOf = async (query: string) => (await readDatabaseUrl(`postgres://u@db/d${query}`)).session
    assert.equal(await sessionOf(''), 'read-write')
    assert.equal(await sessionOf('?target_session_attrs=any'), 'any')
    assert.equal((await readDatabaseUrl('postgres://u@db/d', { session: 'any' })).session, 'any')
  })

  it('passes on its other parameters', async () => {
    const query = '?connect_timeout=3&application_name=ours&options=-c%20search_path%3Dpublic&keepalives=1'
    const { connection, connectTimeoutMs, applicationName } = await readDatabaseUrl(`postgres://u@db/d${query}`)
    assert.deepEqual([connectTimeoutMs, applicationName, connection.options], [3000, 'ours', '-c search_path=public'])
  })
})
