/** What an installation of the cluster profile leaves on services that others use too: tables, topics, keys. */
import { Admin } from '@platformatic/kafka'
import { Redis } from 'ioredis'
import type { ServiceName } from '../../src/kit/service.fixtures.ts'
import { send } from './http-client.ts'
import type { Settings } from './installation.ts'

/**
 * Of the installation that ran with these settings; no process of it may run any more. The database in Postgres is not among it, and
 * neither is what lies on services of the test's own, which go away as a whole.
 */
export async function removeLeftovers(settings: Settings, own: readonly string[] = []): Promise<void> {
  const removals: readonly (readonly [ServiceName, (from: Settings) => Promise<void>])[] = [
    ['CLICKHOUSE_HOST', removeTables],
    ['KAFKA_HOSTS', removeTopics],
    ['REDIS_URL', removeKeys],
  ]
  await Promise.all(removals.map(([name, remove]) => (own.includes(name) ? Promise.resolve() : remove(settings))))
}

async function removeTables({
  CLICKHOUSE_HOST: url = '',
  CLICKHOUSE_DATABASE: database = '',
}: Settings): Promise<void> {
  const asked = async (body: string): Promise<string> => {
    const { status, text } = await send(url, { method: 'POST', body })
    if (status !== 200) throw new Error(text)
    return text
  }
  const found = await asked(`SELECT name FROM system.databases WHERE startsWith(name, '${database}')`)
  for (const name of found.split('\n').filter((line) => line !== '')) await asked(`DROP DATABASE IF EXISTS \`${name}\``)
}

async function removeTopics({
  KAFKA_HOSTS: hosts = '',
  SLUICE_KAFKA_TOPIC_PREFIX: prefix = '',
}: Settings): Promise<void> {
  const admin = new Admin({ clientId: `${prefix}leftovers`, bootstrapBrokers: hosts.split(','), retries: 5 })
  try {
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix))
    if (topics.length > 0) await admin.deleteTopics({ topics })
  } finally {
    await admin.close()
  }
}

async function removeKeys({ REDIS_URL: url = '', SLUICE_REDIS_KEY_PREFIX: prefix = '' }: Settings): Promise<void> {
  const redis = new Redis(url)
  try {
    for (let cursor = '0', isFirst = true; isFirst || cursor !== '0'; isFirst = false) {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 5000)
      if (keys.length > 0) await redis.unlink(keys)
      cursor = next
    }
  } finally {
    redis.disconnect()
  }
}
