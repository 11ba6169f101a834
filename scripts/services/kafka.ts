/**
 * Apache Kafka from Maven Central, in KRaft mode: each member is broker and controller. One member (`kafka`) or three of which
 * each keeps a copy of everything (`kafka3`).
 *
 * Small: a heap that grows from 64 MB, and no 128 MB for the log cleaner, which would not even fit in it. Sessions of
 * brokers are short, so that a broker that was killed is let in again within seconds.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Admin } from '@platformatic/kafka'
import { daemonEnvironment, ensureProgram, runProgram } from './programs.ts'
import { portOf } from './service.ts'
import type { Place, Service } from './service.ts'

const kafkaVersion = '4.3.1'
const downloadTimeoutMs = 300_000
const formatTimeoutMs = 60_000
const askTimeoutMs = 5000
/** Any 22 characters of base64url that stand for 16 bytes. */
const clusterId = 'MkU3OEVBNTcwNTJENDM2Qg'

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-programs</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${kafkaVersion}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version></dependency>
  </dependencies>
</project>
`

const logging = `status=ERROR
appender.c.type=Console
appender.c.name=C
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=WARN
rootLogger.appenderRef.c.ref=C
logger.server.name=kafka.server
logger.server.level=INFO
`

/** A way to the brokers beside the plain one, over which they and this module speak. */
export interface KafkaListener {
  /** Upper-case; the environment has the addresses as `KAFKA_HOSTS_<name>`. */
  readonly name: string
  readonly protocol: 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  /** By which clients reach it. */
  readonly host: '127.0.0.1' | 'localhost'
  /** Its own properties of the server, without `listener.name.<name>.` before them. */
  readonly properties: Readonly<Record<string, string | number>>
}

/** What brokers have besides what all of them have. */
export interface KafkaMore {
  readonly listeners: readonly KafkaListener[]
  readonly properties: Readonly<Record<string, string | number>>
  /** As `kafka-storage format --add-scram` takes them. */
  readonly scramUsers: readonly string[]
}

const nothingMore: KafkaMore = { listeners: [], properties: {}, scramUsers: [] }

export function kafkaService(name: 'kafka' | 'kafka3', more = nothingMore): Service {
  const members = name === 'kafka' ? ['kafka'] : ['kafka3-1', 'kafka3-2', 'kafka3-3']
  const nodeId = (member: string) => members.indexOf(member) + 1
  const addresses = (place: Place, host = '127.0.0.1', index = 0) =>
    members.map((member) => `${host}:${String(portOf(place, member, index))}`)
  const portsOfAll = 2

  const properties = (member: string, place: Place): string => {
    const copies = members.length
    const inSyncMin = copies === 1 ? 1 : 2
    const voters = members.map((voter) => `${String(nodeId(voter))}@127.0.0.1:${String(portOf(place, voter, 1))}`)
    const own = `PLAINTEXT://127.0.0.1:${String(portOf(place, member))}`
    const others = more.listeners.map(
      (listener, n) => `${listener.name}://${listener.host}:${String(portOf(place, member, portsOfAll + n))}`,
    )
    const protocols = more.listeners.map((listener) => `,${listener.name}:${listener.protocol}`)
    const values: Readonly<Record<string, string | number | boolean>> = {
      'process.roles': 'broker,controller',
      'node.id': nodeId(member),
      'controller.quorum.voters': voters.join(','),
      listeners: [own, `CONTROLLER://127.0.0.1:${String(portOf(place, member, 1))}`, ...others].join(','),
      'advertised.listeners': [own, ...others].join(','),
      'listener.security.protocol.map': `PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT${protocols.join('')}`,
      'controller.listener.names': 'CONTROLLER',
      'inter.broker.listener.name': 'PLAINTEXT',
      'log.dirs': path.join(place.folder, member, 'data'),
      'default.replication.factor': copies,
      'min.insync.replicas': inSyncMin,
      'unclean.leader.election.enable': false,
      'offsets.topic.replication.factor': copies,
      'offsets.topic.num.partitions': 4,
      'transaction.state.log.replication.factor': copies,
      'transaction.state.log.min.isr': inSyncMin,
      'transaction.state.log.num.partitions': 4,
      'share.coordinator.state.topic.replication.factor': copies,
      'share.coordinator.state.topic.min.isr': inSyncMin,
      'group.initial.rebalance.delay.ms': 0,
      // So that tests need not wait for a minute until members that were killed are missed.
      'group.consumer.min.session.timeout.ms': 6000,
      'auto.create.topics.enable': false,
      'broker.session.timeout.ms': copies === 1 ? 2000 : 3000,
      'broker.heartbeat.interval.ms': copies === 1 ? 200 : 500,
      'log.cleaner.dedupe.buffer.size': 4 * 1024 ** 2,
      'controlled.shutdown.enable': true,
      ...more.properties,
      ...Object.fromEntries(more.listeners.flatMap(propertiesOf)),
    }
    return Object.entries(values)
      .map(([key, value]) => `${key}=${String(value)}\n`)
      .join('')
  }

  const java = (place: Place, heapMiB: number) => [
    ...[`-Xmx${String(heapMiB)}m`, '-Xms64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
    ...[`-Dlog4j2.configurationFile=${path.join(place.folder, 'log4j2.properties')}`],
    ...['-cp', path.join(jarsIn(place.downloads), '*')],
  ]

  return {
    name,
    members,
    portsEach: portsOfAll + more.listeners.length,
    stopSignal: 'SIGTERM',

    async install(downloads, say) {
      await ensureProgram('java', 'default-jre-headless', say)
      if (kafkaIsDownloaded(downloads)) return
      const jars = jarsIn(downloads)
      const maven = await ensureProgram('mvn', 'maven', say)
      say(`downloading Kafka ${kafkaVersion} with Maven`)
      const staging = await mkdtemp(`${jars}.new-`)
      try {
        await writeFile(path.join(staging, 'pom.xml'), pom)
        const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
        // Maven reads its own settings and proxies from the environment and the home folder.
        const options = { timeoutMs: downloadTimeoutMs, cwd: staging, environment: process.env }
        await runProgram(maven, ['-q', '-B', goal, '-DincludeScope=runtime', '-DoutputDirectory=jars'], options)
        await rename(path.join(staging, 'jars'), jars)
      } finally {
        await rm(staging, { recursive: true, force: true })
      }
    },

    async prepare(member, place) {
      const folder = path.join(place.folder, member)
      await mkdir(folder, { recursive: true })
      await writeFile(path.join(place.folder, 'log4j2.properties'), logging)
      const file = path.join(folder, 'server.properties')
      await writeFile(file, properties(member, place))
      if (existsSync(path.join(folder, 'data', 'meta.properties'))) return
      const users = more.scramUsers.flatMap((user) => ['--add-scram', user])
      const parameters = [
        ...java(place, 96),
        'kafka.tools.StorageTool',
        'format',
        '-t',
        clusterId,
        '-c',
        file,
        ...users,
      ]
      await runProgram('java', parameters, { timeoutMs: formatTimeoutMs, cwd: folder })
    },

    async launch(member, place) {
      const cwd = path.join(place.folder, member)
      const parameters = [...java(place, 512), 'kafka.Kafka', path.join(cwd, 'server.properties')]
      return { command: 'java', arguments: parameters, cwd, environment: daemonEnvironment }
    },

    async ask(place, asked) {
      const ids = asked.map(nodeId)
      await Promise.all(asked.map((member) => askBroker(`127.0.0.1:${String(portOf(place, member))}`, ids)))
      const brokers = asked.length === 1 ? 'a broker answers' : `${String(asked.length)} brokers know each other`
      return `Kafka ${kafkaVersion}, ${brokers}`
    },

    environment(place) {
      const prefix = name === 'kafka' ? 'KAFKA_HOSTS' : 'KAFKA3_HOSTS'
      const others = more.listeners.map((listener, n): [string, string] => [
        `${prefix}_${listener.name}`,
        addresses(place, listener.host, portsOfAll + n).join(','),
      ])
      return { [prefix]: addresses(place).join(','), ...Object.fromEntries(others) }
    },
  }
}

function propertiesOf({ name, properties }: KafkaListener): readonly (readonly [string, string | number])[] {
  return Object.entries(properties).map(([key, value]) => [`listener.name.${name.toLowerCase()}.${key}`, value])
}

/**
 * Rejects unless the broker answers and knows these as brokers that serve, itself included: one that was killed answers before the
 * controller lets it lead again.
 */
async function askBroker(address: string, ids: readonly number[]): Promise<void> {
  const admin = new Admin({
    clientId: 'sluice-services',
    bootstrapBrokers: [address],
    retries: false,
    connectTimeout: askTimeoutMs,
    requestTimeout: askTimeoutMs,
  })
  try {
    const { brokers } = await admin.metadata({ topics: [] })
    const absent = ids.filter((id) => !brokers.has(id))
    if (absent.length > 0) throw new Error(`The broker at ${address} knows no broker ${absent.join(', ')}.`)
  } finally {
    await admin.close().catch(() => undefined)
  }
}

/** Whether a broker can be started without Maven and without a network. */
export function kafkaIsDownloaded(downloads: string): boolean {
  return existsSync(jarsIn(downloads))
}

function jarsIn(downloads: string): string {
  return path.join(downloads, `kafka-${kafkaVersion}`)
}
