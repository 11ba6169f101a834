/**
 * A ClickHouse server that was found fit: reachable, new enough, with a user who may do what is needed, its tables migrated.
 *
 * Everything that the promises rest on is asked for when it is opened, because a server forgives a lot in silence: a token that
 * it does not remember, or a setting that it does not let us change, shows only when rows are there twice.
 */
import { codeOf, Failure, messageOf } from '../../../kit/failure.ts'
import { engineCodeOf, engineMessageOf, isRefusedUnread, isTransient } from '../engine-error.ts'
import type { EngineLink } from '../engine-link.ts'
import type { Layout } from '../layout.ts'
import { migrate, readMigrations } from '../migrations.ts'
import { sqlString } from '../sql-text.ts'
import { connectClickhouse } from './clickhouse-link.ts'
import type { ClickhouseLink } from './clickhouse-link.ts'
import type { ClickhouseOptions } from './clickhouse-options.ts'

export interface ClickhouseServer {
  readonly options: ClickhouseOptions
  readonly layout: Layout
  /** Settings that questions are better with, of those that this release knows. */
  readonly knows: ReadonlySet<string>
  /** For rows: inserted and looked up. */
  connect(): ClickhouseLink
  connectForMaintenance(): ClickhouseLink
  connectForQuestions(url: string, socketsMax: number): ClickhouseLink
}

/**
 * The oldest release that has all that is used here. `mergeTreeIndex` came with 24.5, and tokens, parts that are synced and
 * `EXCHANGE TABLES` are older. What users' SQL may read is decided by what `EXPLAIN AST` lists, which was tried with 26 only: 25.8 is
 * the oldest release with long support of which that may be expected. Asynchronous inserts with tokens lost rows before 26.6.2,
 * 26.5.6, 26.4.5 and 26.3.17; ours never are.
 *
 * @internal for tests
 */
export const versionMin = [25, 8] as const

/** A release that lacks one answers all the same. */
export const optionalQuestionSettings = [
  'max_threads_min_free_memory_per_thread',
  'cancel_http_readonly_queries_on_client_close',
]

/**
 * Rejects with a Failure that says what to do. `alone` runs the migrations while no other process of the installation does:
 * they are safe to repeat, but not to run twice at once.
 */
export async function openClickhouseServer(
  options: ClickhouseOptions,
  alone: (work: () => Promise<void>) => Promise<void>,
): Promise<ClickhouseServer> {
  const { layout, url, requestTimeoutMs, maintenanceTimeoutMs, socketsMax } = options
  const link = connectClickhouse(options, url, requestTimeoutMs, 1)
  try {
    const knows = await checked(link, layout)
    await alone(async () => migrate(link, await readMigrations(), layout))
    return {
      options,
      layout,
      knows,
      connect: () => connectClickhouse(options, url, requestTimeoutMs, socketsMax),
      connectForMaintenance: () => connectClickhouse(options, url, maintenanceTimeoutMs, 1),
      // A question's own limit of time ends it, so its connection may be silent for long.
      connectForQuestions: (at, sockets) => connectClickhouse(options, at, maintenanceTimeoutMs, sockets),
    }
  } catch (cause) {
    throw cause instanceof Failure ? cause : openFailure(cause, options)
  } finally {
    await link.close()
  }
}

async function checked(link: EngineLink, layout: Layout): Promise<ReadonlySet<string>> {
  const [versions] = await link.rows('SELECT version()')
  checkVersion(String(versions?.[0]))
  const settings = await link.rows(
    `SELECT name, value FROM system.settings WHERE name IN (${['readonly', ...optionalQuestionSettings].map(sqlString).join()})`,
  )
  const known = new Map(settings.map(([name, value]) => [String(name), String(value)]))
  if (known.get('readonly') !== '0') {
    throw new Failure(
      'SLUICE_WAREHOUSE_RIGHTS',
      'The user may not write to ClickHouse or set limits of questions: the setting readonly of its profile must be 0.',
    )
  }
  if (layout.cluster !== undefined) await checkCluster(link, layout.cluster)
  return new Set(optionalQuestionSettings.filter((name) => known.has(name)))
}

/** @internal for tests */
export function checkVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin, minorMin] = versionMin
  if (major > majorMin || (major === majorMin && minor >= minorMin)) return
  throw new Failure(
    'SLUICE_WAREHOUSE_ENGINE',
    `This needs ClickHouse ${versionMin.join('.')} or newer; the server says ${version}. Upgrade it, one release with long support after the other.`,
  )
}

async function checkCluster(link: EngineLink, cluster: string): Promise<void> {
  const [found] = await link.rows(`SELECT count() FROM system.clusters WHERE cluster = ${sqlString(cluster)}`)
  if (Number(found?.[0]) === 0) {
    throw new Failure(
      'SLUICE_WAREHOUSE_CLUSTER',
      `The server knows no cluster ${cluster}: remote_servers in its configuration has to name it, on every machine.`,
    )
  }
  const rows = await link.rows('SELECT macro FROM system.macros')
  const macros = new Set(rows.map(([macro]) => String(macro)))
  for (const macro of ['shard', 'replica']) {
    if (macros.has(macro)) continue
    throw new Failure(
      'SLUICE_WAREHOUSE_CLUSTER',
      `The server has no macro {${macro}}: replicated tables are named by it. Set it in its configuration, on every machine.`,
    )
  }
}

const loginCodes = new Set([192, 193, 194, 516])
const rightsCodes = new Set([164, 291, 392, 497])

function openFailure(cause: unknown, { url, user }: ClickhouseOptions): Failure {
  const code = engineCodeOf(cause)
  const message = engineMessageOf(cause)
  if (code === undefined) {
    if (/CERT|SSL|TLS/.test(`${codeOf(cause) ?? ''} ${messageOf(cause).toUpperCase()}`)) {
      return new Failure(
        'SLUICE_WAREHOUSE_TLS',
        `The certificate of ClickHouse at ${url} is not trusted: ${message}. Name the file with its authority's certificate.`,
        { cause },
      )
    }
    if (isRefusedUnread(cause)) {
      return new Failure('SLUICE_WAREHOUSE_ADDRESS', `At ${url} it is not ClickHouse that answers: ${message}`, {
        cause,
      })
    }
    return new Failure('SLUICE_WAREHOUSE_UNREACHABLE', `ClickHouse at ${url} does not answer: ${message}.`, {
      retryable: true,
      cause,
    })
  }
  if (loginCodes.has(code)) {
    return new Failure('SLUICE_WAREHOUSE_LOGIN', `ClickHouse at ${url} does not let ${user} in: ${message}`, { cause })
  }
  if (rightsCodes.has(code)) {
    return new Failure('SLUICE_WAREHOUSE_RIGHTS', `ClickHouse does not permit ${user} what is needed: ${message}`, {
      cause,
    })
  }
  return new Failure('SLUICE_WAREHOUSE_OPEN', `The tables at ${url} could not be made ready: ${message}`, {
    retryable: isTransient(code),
    cause,
  })
}
