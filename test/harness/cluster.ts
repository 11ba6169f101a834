/**
 * Several instances of Sluice that work together as on several machines: each has a supervisor, a data folder and a port of its own. Services
 * that a test kills are its own too; the others are those of the environment.
 */
import assert from 'node:assert/strict'
import { freePort } from '../../src/kit/free-port.fixtures.ts'
import { serviceNames } from '../../src/kit/service.fixtures.ts'
import type { ServiceName } from '../../src/kit/service.fixtures.ts'
import type { ServiceSet } from '../../scripts/services/service-set.ts'
import { aServiceSet } from '../services/service-set.fixtures.ts'
import { removeLeftovers } from './cluster-leftovers.ts'
import { clusterSettings } from './cluster-settings.ts'
import { anInstallation } from './installation.ts'
import type { Ending, Installation, Settings } from './installation.ts'
import type { Promised } from './ledger.ts'
import type { Door } from './load.ts'
import type { Examined } from './oracle.ts'
import { until } from './until.ts'

export interface ClusterOptions {
  readonly edges: number
  readonly cores: number
  /** Services of its own; `kafka3`: three brokers, so that what is acknowledged has two copies. */
  readonly own?: readonly ('kafka' | 'kafka3' | 'redis' | 'postgres' | 'clickhouse')[]
  readonly settings?: Settings
  /** Of one core alone. */
  readonly settingsOfCore?: (number: number) => Settings
  /** Told where ClickHouse is; says where Sluice shall look for it. */
  readonly clickhouseThrough?: (url: string) => Promise<string>
}

/** Starts services and instances, and waits until everything is ready. */
export async function aCluster(ending: Ending, options: ClusterOptions): Promise<Cluster> {
  const { own = [] } = options
  const users: (() => Promise<void>)[] = []
  const names: (() => Promise<void>)[] = []
  const set = await aServiceSet()
  ending.after(() => allOf([...users, ...names, () => set.remove()]))
  await set.services.up(own)
  const servers = addressesOf(set.services)
  const settings = await clusterSettings({ after: (clean) => void names.push(clean) }, servers)
  names.unshift(() => removeLeftovers(settings, Object.keys(servers)))
  const through = await options.clickhouseThrough?.(String(settings['CLICKHOUSE_HOST']))
  const shared: Settings = {
    ...settings,
    ...(through === undefined ? {} : { CLICKHOUSE_HOST: through }),
    ...(own.includes('kafka3')
      ? {
          SLUICE_KAFKA_REPLICATION_FACTOR: '3',
          SLUICE_KAFKA_MIN_IN_SYNC_REPLICAS: '2',
          SLUICE_KAFKA_ALLOW_BUFFERED: 'no',
        }
      : {}),
    // As short as the brokers of tests permit: partitions of a core that is silent soon go to others.
    SLUICE_KAFKA_GROUP_SESSION_MS: '6000',
    ...options.settings,
  }
  const keys: Settings = {
    SLUICE_PROJECT_TOKEN: `phc_of_${String(shared['CLICKHOUSE_DATABASE'])}`,
    SLUICE_PERSONAL_KEY: `phx_of_${String(shared['CLICKHOUSE_DATABASE'])}`,
  }
  const using: Ending = { after: (end) => void users.push(end) }
  const addresses: string[] = []
  while (addresses.length < options.cores) addresses.push(`127.0.0.1:${String(await freePort())}`)
  const edges: Installation[] = []
  while (edges.length < options.edges) {
    // Each asks another core first.
    const own = addresses.map((_, at) => addresses[(edges.length + at) % addresses.length]).join(',')
    edges.push(await anInstallation(using, { ...shared, ...keys, SLUICE_ROLES: 'edge', SLUICE_CORE_ADDRESS: own }))
  }
  const door = edges[0]?.url ?? ''
  const cores: Installation[] = []
  for (const [number, address] of addresses.entries()) {
    const own: Settings = {
      SLUICE_ROLES: 'core',
      SLUICE_CORE_LISTEN: address,
      SLUICE_EDGE_ADDRESS: door,
      ...options.settingsOfCore?.(number),
    }
    cores.push(await anInstallation(using, { ...shared, ...keys, ...own }))
  }
  const cluster = new Cluster(set.services, edges, cores, {
    durability: own.includes('kafka3') ? 'quorum' : 'buffered',
    copiesEnter: true,
  })
  await Promise.all(cluster.instances.map((instance) => instance.start()))
  await cluster.ready()
  return cluster
}

/** Each, whatever becomes of those before it. */
async function allOf(works: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = []
  for (const work of works) await work().catch((error: unknown) => failures.push(error))
  if (failures.length > 0) throw new AggregateError(failures)
}

function addressesOf(services: ServiceSet): Partial<Record<ServiceName, string>> {
  const own = services.environment()
  return Object.fromEntries(serviceNames.flatMap((name) => (own[name] === undefined ? [] : [[name, own[name]]])))
}

export class Cluster implements Door, Examined {
  /** Its own ones. */
  readonly services: ServiceSet
  readonly edges: readonly Installation[]
  readonly cores: readonly Installation[]
  readonly promised: Promised

  constructor(
    services: ServiceSet,
    edges: readonly Installation[],
    cores: readonly Installation[],
    promised: Promised,
  ) {
    this.services = services
    this.edges = edges
    this.cores = cores
    this.promised = promised
  }

  get instances(): readonly Installation[] {
    return [...this.cores, ...this.edges]
  }

  /** The edge of this number, counted round. */
  edge(number: number): Installation {
    return this.edges[number % this.edges.length] ?? assert.fail('A cluster without an edge.')
  }

  core(number: number): Installation {
    return this.cores[number % this.cores.length] ?? assert.fail('A cluster without a core.')
  }

  get token(): string {
    return this.edge(0).token
  }

  get urls(): readonly string[] {
    return this.edges.map(({ url }) => url)
  }

  get dataFolder(): string {
    return this.core(0).dataFolder
  }

  get clickhouse(): Installation['clickhouse'] {
    return this.core(0).clickhouse
  }

  /** Every process of every instance, and every edge has a core that answers. */
  async ready(): Promise<void> {
    await Promise.all(this.instances.map((instance) => instance.ready()))
    for (const edge of this.edges) {
      await this.until('an edge with a core', async () => {
        const answer = await edge.send('/_ready').catch(() => undefined)
        return answer?.status === 200
      })
    }
  }

  settled(): Promise<void> {
    return this.edge(0).settled()
  }

  ask(...question: Parameters<Installation['ask']>): ReturnType<Installation['ask']> {
    return this.edge(0).ask(...question)
  }

  capture(...events: Parameters<Installation['capture']>): ReturnType<Installation['capture']> {
    return this.edge(0).capture(...events)
  }

  verify(): ReturnType<Installation['verify']> {
    return this.core(0).verify()
  }

  status(): ReturnType<Installation['status']> {
    return this.core(0).status()
  }

  tail(): string {
    return this.instances.map((instance) => instance.tail()).join('\n')
  }

  until<T>(what: string, condition: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
    return until(what, condition, () => this.tail())
  }
}
