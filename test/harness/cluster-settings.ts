/** The cluster profile on the services that are running, each test with a database, topics and keys of its own. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { service, serviceNames } from '../../src/kit/service.fixtures.ts'
import type { ServiceName } from '../../src/kit/service.fixtures.ts'
import type { Ending, Settings } from './installation.ts'

/** Why the suite cannot run here; false when it can. */
export function clusterSkip(): string | false {
  return serviceNames.map((name) => service(name).skip).find((skip) => skip !== false) ?? false
}

/**
 * For `anInstallation`. The database is dropped when the test ends; topics, keys and tables stay behind, under names of nobody else.
 * `own`: addresses of services that the test has for itself.
 */
export async function clusterSettings(
  ending: Ending,
  own: Partial<Record<ServiceName, string>> = {},
): Promise<Settings> {
  const addressOf = (name: ServiceName): string => own[name] ?? service(name).address
  const name = `sluice_test_${randomBytes(6).toString('hex')}`
  const server = addressOf('DATABASE_URL')
  const admin = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }
  await admin(`create database ${name}`)
  if (own.DATABASE_URL === undefined) ending.after(() => admin(`drop database ${name} with (force)`))
  const database = new URL(server)
  database.pathname = `/${name}`
  return {
    SLUICE_PROFILE: 'cluster',
    DATABASE_URL: database.href,
    // Of a server that is thrown away with the tests.
    SLUICE_POSTGRES_ALLOW_UNSAFE: 'fsync,full_page_writes,synchronous_commit',
    REDIS_URL: addressOf('REDIS_URL'),
    SLUICE_REDIS_KEY_PREFIX: `${name}:`,
    KAFKA_HOSTS: addressOf('KAFKA_HOSTS'),
    SLUICE_KAFKA_TOPIC_PREFIX: `${name}.`,
    SLUICE_KAFKA_REPLICATION_FACTOR: '1',
    SLUICE_KAFKA_MIN_IN_SYNC_REPLICAS: '1',
    SLUICE_KAFKA_ALLOW_BUFFERED: 'yes',
    SLUICE_INTAKE_PARTITION_COUNT: '4',
    CLICKHOUSE_HOST: addressOf('CLICKHOUSE_HOST'),
    CLICKHOUSE_DATABASE: name,
  }
}
