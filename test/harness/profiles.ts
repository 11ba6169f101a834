/** The profiles, for suites that run on each of them: `describe(`…, ${profile.where}`, { skip: profile.skip }, …)`. */
import { removeLeftovers } from './cluster-leftovers.ts'
import { clusterSettings, clusterSkip } from './cluster-settings.ts'
import type { Ending, Role, Settings } from './installation.ts'
import type { Promised } from './ledger.ts'

export interface TestedProfile {
  readonly name: 'embedded' | 'cluster'
  /** For titles. */
  readonly where: string
  /** Why nothing can run on it here; false when it can. */
  readonly skip: string | false
  readonly promised: Promised
  /** How much is sent while processes die. A process of the cluster profile takes longer to be ready again. */
  readonly pace: { readonly clients: number; readonly pauseMsMax: number }
  /** What the supervisor starts, in alphabetical order. */
  readonly roles: readonly Role[]
  engines(ending: Ending): Promise<Engines>
}

/** Names of its own on the engines that an installation stands on. What is registered with `after` ends before they are removed. */
export interface Engines extends Ending {
  readonly settings: Settings
}

export const embedded: TestedProfile = {
  name: 'embedded',
  where: 'on one machine',
  skip: false,
  promised: { durability: 'fsync', copiesEnter: false },
  pace: { clients: 4, pauseMsMax: 20 },
  roles: ['core', 'edge', 'postgres'],
  engines: (ending) => Promise.resolve({ settings: {}, after: (clean) => ending.after(clean) }),
}

export const cluster: TestedProfile = {
  name: 'cluster',
  where: 'on Kafka, Redis, Postgres and ClickHouse',
  get skip() {
    return clusterSkip()
  },
  // Of a single broker.
  promised: { durability: 'buffered', copiesEnter: true },
  pace: { clients: 2, pauseMsMax: 100 },
  roles: ['core', 'edge'],
  async engines(ending) {
    const users: (() => Promise<void>)[] = []
    const names: (() => Promise<void>)[] = []
    const settings = await clusterSettings({ after: (clean) => void names.push(clean) })
    ending.after(async () => {
      for (const end of users) await end()
      await removeLeftovers(settings)
      for (const remove of names) await remove()
    })
    return { settings, after: (end) => void users.push(end) }
  },
}

export const profiles: readonly TestedProfile[] = [embedded, cluster]
