/** The contract on the Postgres of DATABASE_URL, in a database of its own, through a proxy: that server serves other tests too. */
import { randomBytes } from 'node:crypto'
import { describe } from 'node:test'
import { service } from '../../../kit/service.fixtures.ts'
import { openTcpProxy } from '../../../kit/tcp-proxy.fixtures.ts'
import { describeSqlClient } from '../sql-client.contract.ts'
import { parseDatabaseUrl, readDatabaseUrl } from './database-url.ts'
import { openPostgresSqlClient } from './postgres-sql-client.ts'

const { address, skip } = service('DATABASE_URL')

describe('the Postgres of DATABASE_URL', { skip }, () => {
  describeSqlClient('pg on a server that runs elsewhere', async () => {
    const name = `sluice_test_${randomBytes(6).toString('hex')}`
    const [host] = parseDatabaseUrl(address).hosts
    if (host === undefined) throw new Error('DATABASE_URL names no host.')
    const place = await readDatabaseUrl(address)
    const admin = openPostgresSqlClient({ applicationName: name, ...place })
    await admin.query(`create database ${name}`)
    const proxy = await openTcpProxy(host.host, host.port)
    const way = { ...place.connection, host: '127.0.0.1', port: proxy.port, database: name }
    const connection = {
      ...place,
      connection: way,
      otherWays: place.otherWays.length === 0 ? [] : [{ ...way, ssl: false }],
    }
    return {
      open: (timeouts) => openPostgresSqlClient({ applicationName: name, ...connection, ...timeouts }),
      killServer: () => proxy.cut(),
      startServer: () => proxy.mend(),
      freezeServer: () => Promise.resolve(proxy.freeze()),
      async close() {
        await proxy.close()
        await admin.query(`drop database ${name} with (force)`)
        await admin.close()
      },
    }
  })
})
