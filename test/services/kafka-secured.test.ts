/** Kafka over TLS, with logins and rights, as the settings of the cluster profile lead there. With a broker of its own. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { configFrom } from '../../src/app/config.ts'
import type { Config } from '../../src/app/config.ts'
import { kafkaConnection, openTopics, topicOf } from '../../src/app/profiles/cluster.ts'
import { aBatchHead } from '../../src/event/derived-batch.fixtures.ts'
import { encodeDerivedBatch } from '../../src/event/derived-batch.ts'
import { openSslMissing } from '../../src/kit/certificate.fixtures.ts'
import { Failure } from '../../src/kit/failure.ts'
import type { LogLevel } from '../../src/kit/telemetry/telemetry.ts'
import { silent } from '../../src/kit/telemetry/telemetry.ts'
import type { EventLog } from '../../src/stores/log/event-log.ts'
import { usualTimes } from '../../src/stores/log/kafka/kafka-assignment.fixtures.ts'
import { kafkaAssignment } from '../../src/stores/log/kafka/kafka-assignment.ts'
import { kafkaLogDefaults, openKafkaLog } from '../../src/stores/log/kafka/kafka-log.ts'
import { kafkaSourceLanesDefaults, openKafkaSourceLanes } from '../../src/stores/log/kafka/kafka-source-lanes.ts'
import { createMemoryLogEpochs } from '../../src/stores/log/memory/memory-log-epochs.ts'
import { createMemoryLogReaders } from '../../src/stores/log/memory/memory-log-readers.ts'
import { aMember, settled } from '../../src/stores/log/partition-assignment.contract.ts'
import { aSourceRecord } from '../../src/stores/log/source-lanes.contract.ts'
import type { SourceLanes } from '../../src/stores/log/source-lanes.ts'
import type { PartitionAssignment } from '../../src/stores/log/partition-assignment.ts'
import { allow, base64Of, mechanisms, password, securedKafka, writeCertificates } from './kafka-secured.fixtures.ts'
import type { Certificates, Right } from './kafka-secured.fixtures.ts'
import { aServiceSet, missing } from './service-set.fixtures.ts'

/** The library says here what it asks brokers. */
const requests = 'tracing:plt:kafka:connections:api:start'
const saslHandshake = 17
const partitionCount = 2
const source = 'events_plugin_ingestion'
const derived = 'clickhouse_events'
/** Before the names of all topics and groups of this file; rights are given for it. */
const prefix = 'secured-'

type Settings = Readonly<Record<string, string>>

/** What the manual says that Sluice needs, and no more. */
const neededRights: readonly Right[] = [
  { on: 'TOPIC', name: prefix, operations: ['CREATE', 'READ', 'WRITE', 'DESCRIBE', 'DESCRIBE_CONFIGS'] },
  { on: 'GROUP', name: prefix, operations: ['READ', 'DESCRIBE_CONFIGS', 'ALTER_CONFIGS'] },
]

describe('Kafka that asks who we are', { skip: missing('kafka') || openSslMissing, timeout: 180_000 }, () => {
  let folder: string
  let certificates: Certificates
  let set: Awaited<ReturnType<typeof aServiceSet>>
  let hosts: Settings

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sluice-kafka-tls-'))
    certificates = writeCertificates(folder)
    set = await aServiceSet({ kafka: securedKafka(folder, certificates) })
    await set.services.up(['kafka'])
    hosts = set.services.environment()
    const plain = hosts['KAFKA_HOSTS'] ?? ''
    await allow(plain, 'sluice', neededRights)
    await allow(plain, 'CN=sluice-client', neededRights)
    const looking = ['DESCRIBE', 'DESCRIBE_CONFIGS'] as const
    await allow(plain, 'reader', [{ on: 'TOPIC', name: prefix, operations: ['READ', ...looking] }])
    await allow(plain, 'writer', [{ on: 'TOPIC', name: prefix, operations: ['WRITE', ...looking] }])
    // For those who may only look.
    await openTopics(configOf(login('PLAIN', { SLUICE_KAFKA_TOPIC_PREFIX: prefix })), 'test', silent)
  })
  after(async () => {
    await set.remove()
    await rm(folder, { recursive: true })
  })

  const tls = (): Settings => ({
    SLUICE_KAFKA_TLS: 'on',
    KAFKA_TRUSTED_CERT_B64: base64Of(certificates.broker.certificateFile),
  })

  const login = (mechanism: string, own: Settings = {}): Settings => ({
    ...tls(),
    KAFKA_HOSTS: hosts['KAFKA_HOSTS_LOGIN'] ?? '',
    SLUICE_KAFKA_SASL_MECHANISM: mechanism,
    SLUICE_KAFKA_SASL_USER: 'sluice',
    SLUICE_KAFKA_SASL_PASSWORD: password,
    ...own,
  })

  const mutual = (client: 'client' | 'stranger' | 'none', own: Settings = {}): Settings => ({
    ...tls(),
    KAFKA_HOSTS: hosts['KAFKA_HOSTS_MUTUAL'] ?? '',
    ...(client === 'none'
      ? {}
      : {
          KAFKA_CLIENT_CERT_B64: base64Of(certificates[client].certificateFile),
          KAFKA_CLIENT_CERT_KEY_B64: base64Of(certificates[client].keyFile),
        }),
    ...own,
  })

  describe('works', () => {
    const ways: readonly (readonly [string, () => Settings])[] = [
      ...mechanisms.map((mechanism) => [`by a login with ${mechanism}`, () => login(mechanism)] as const),
      ['by a certificate of ours', () => mutual('client')],
    ]
    for (const [n, [way, settings]] of ways.entries()) {
      it(`${way}, with no more rights than the manual names`, async () => {
        const topics = { SLUICE_KAFKA_TOPIC_PREFIX: `${prefix}${String(n)}-` }
        const config = configOf({ ...settings(), ...topics })
        assert.equal((await openTopics(config, 'test', silent)).durability, 'buffered')
        assert.equal((await openTopics(config, 'test', silent)).durability, 'buffered')
        const clients = open(config, [])
        try {
          await clients.lanes.append([0, 1, 2, 3].map(anEvent))
          assert.deepEqual(
            (await valuesIn(clients.log, ({ length }) => length >= 4)).toSorted(),
            [0, 1, 2, 3].map(valueOf),
          )
          const owner = await clients.log.own(derived, [0])
          const value = encodeDerivedBatch(aBatchHead(), Buffer.from('{"event":"one"}\n'))
          assert.equal((await owner.append(0, { headers: {}, value })).partition, 0)
          const member = aMember(clients.assignment)
          await settled([member], partitionCount)
          await member.leave()
        } finally {
          await clients.close()
        }
      })
    }

    it('while brokers ask again and again who we are', async () => {
      const settings = login('SCRAM-SHA-512', { KAFKA_HOSTS: hosts['KAFKA_HOSTS_BRIEF'] ?? '' })
      const config = configOf({ ...settings, SLUICE_KAFKA_TOPIC_PREFIX: `${prefix}brief-` })
      await openTopics(config, 'test', silent)
      const warnings: string[] = []
      const clients = open(config, warnings)
      /** How often each connection began to log in. */
      const logins = new Map<unknown, number>([['none', 0]])
      const onRequest = (asked: unknown): void => {
        const { connection, apiKey } = asked as { readonly connection: unknown; readonly apiKey: number }
        if (apiKey === saslHandshake) logins.set(connection, (logins.get(connection) ?? 0) + 1)
      }
      subscribe(requests, onRequest)
      try {
        let count = 0
        let wanted = Infinity
        const isEnough = () => [...logins.values()].filter((times) => times >= 3).length >= 2
        const reading = valuesIn(clients.log, ({ length }) => length >= wanted)
        // Logins hold for a second and a half: two connections are to outlive two of them, that of appends and that of reading.
        while (!isEnough()) {
          await clients.lanes.append([anEvent(count)])
          count++
        }
        wanted = count + 1
        await clients.lanes.append([anEvent(count)])
        const all = Array.from({ length: wanted }, (_, n) => valueOf(n))
        assert.deepEqual((await reading).toSorted(), all.toSorted())
      } finally {
        unsubscribe(requests, onRequest)
        await clients.close()
      }
      assert.deepEqual(warnings, [])
    })
  })

  describe('is not spoken to, and the reason names what to look at, with', { concurrency: true }, () => {
    const refused: readonly (readonly [string, () => Settings, string, RegExp])[] = [
      ...mechanisms.flatMap((mechanism) => [
        [
          `a wrong password (${mechanism})`,
          () => login(mechanism, { SLUICE_KAFKA_SASL_PASSWORD: 'wrong' }),
          'SLUICE_LOG_DENIED',
          /invalid.*kafka\.saslPassword/is,
        ] as const,
        [
          `an unknown user (${mechanism})`,
          () => login(mechanism, { SLUICE_KAFKA_SASL_USER: 'unknown' }),
          'SLUICE_LOG_DENIED',
          /invalid.*kafka\.saslUser/is,
        ] as const,
      ]),
      [
        'a mechanism that the brokers do not have',
        () => login('PLAIN', { KAFKA_HOSTS: hosts['KAFKA_HOSTS_BRIEF'] ?? '' }),
        'SLUICE_LOG_DENIED',
        /does not support the requested SASL mechanism.*kafka\.saslMechanism/s,
      ],
      [
        'no login where there must be one',
        () => ({ ...tls(), KAFKA_HOSTS: hosts['KAFKA_HOSTS_LOGIN'] ?? '' }),
        'SLUICE_LOG_UNAVAILABLE',
        /Connection closed.*kafka\.saslMechanism/s,
      ],
      [
        "a broker's certificate of somebody else's authority",
        () => login('PLAIN', { KAFKA_TRUSTED_CERT_B64: base64Of(certificates.stranger.certificateFile) }),
        'SLUICE_KAFKA_NOT_TRUSTED',
        /self-signed.*kafka\.trustedCertificate/s,
      ],
      [
        "a broker's certificate that is for another host",
        () => ({
          SLUICE_KAFKA_TLS: 'on',
          KAFKA_TRUSTED_CERT_B64: base64Of(certificates.elsewhere.certificateFile),
          KAFKA_HOSTS: hosts['KAFKA_HOSTS_ELSEWHERE'] ?? '',
        }),
        'SLUICE_KAFKA_NOT_TRUSTED',
        /kafka\.elsewhere\.example.*kafka\.hosts/s,
      ],
      [
        'no certificate of ours',
        () => mutual('none'),
        'SLUICE_LOG_DENIED',
        /alert.*certificate.*kafka\.clientCertificate/s,
      ],
      [
        "a certificate of ours of somebody else's authority",
        () => mutual('stranger'),
        'SLUICE_LOG_DENIED',
        /alert.*certificate.*kafka\.clientCertificate/s,
      ],
      [
        'a key that does not fit our certificate',
        () => mutual('client', { KAFKA_CLIENT_CERT_KEY_B64: base64Of(certificates.stranger.keyFile) }),
        'SLUICE_KAFKA_CERTIFICATE_UNUSABLE',
        /kafka\.clientKey.*mismatch/s,
      ],
      [
        'an authority that is no certificate',
        () => mutual('client', { KAFKA_TRUSTED_CERT_B64: 'bm9uZQ==' }),
        'SLUICE_KAFKA_CERTIFICATE_UNUSABLE',
        /kafka\.trustedCertificate/,
      ],
      [
        'a plain connection to a listener with TLS',
        () => ({ KAFKA_HOSTS: hosts['KAFKA_HOSTS_ELSEWHERE'] ?? '' }),
        'SLUICE_LOG_DENIED',
        /requires TLS.*kafka\.tls/s,
      ],
      [
        'TLS to a plain listener',
        () => ({ ...tls(), KAFKA_HOSTS: hosts['KAFKA_HOSTS'] ?? '' }),
        'SLUICE_LOG_UNAVAILABLE',
        /TLS handshake failed/,
      ],
    ]
    for (const [what, settings, code, pattern] of refused) {
      it(what, async () => {
        const config = configOf({ ...settings(), SLUICE_KAFKA_TOPIC_PREFIX: prefix, SLUICE_KAFKA_RETRIES: '0' })
        await rejectsWith(openTopics(config, 'test', silent), code, pattern)
      })
    }
  })

  it('refuses senders, readers and owners at once when the password is wrong in the middle of it', async () => {
    const wrong = login('SCRAM-SHA-256', { SLUICE_KAFKA_SASL_PASSWORD: 'wrong' })
    const warnings: string[] = []
    const clients = open(configOf({ ...wrong, SLUICE_KAFKA_TOPIC_PREFIX: prefix }), warnings)
    const wanted = /saslPassword/
    try {
      await rejectsWith(clients.lanes.append([anEvent(0), anEvent(1)]), 'SLUICE_LOG_DENIED', wanted)
      assert.equal(clients.lanes.waitingBytes, 0)
      await rejectsWith(
        valuesIn(clients.log, ({ length }) => length >= 1),
        'SLUICE_LOG_DENIED',
        wanted,
      )
      await rejectsWith(clients.log.bounds(source), 'SLUICE_LOG_DENIED', wanted)
      await rejectsWith(clients.log.own(derived, [0]), 'SLUICE_LOG_DENIED', wanted)
      await rejectsWith(followed(clients.assignment), 'SLUICE_LOG_DENIED', wanted)
    } finally {
      await clients.close()
    }
    assert.ok(warnings.some((text) => text.includes('does not let us store events')))
    assert.ok(!warnings.some((text) => text.includes('it is sent again')))
  })

  it('says which right is missing', async () => {
    const as = (user: string) => configOf(login('PLAIN', { SLUICE_KAFKA_SASL_USER: user, ...topics }))
    const topics = { SLUICE_KAFKA_TOPIC_PREFIX: prefix }
    await rejectsWith(openTopics(as('nobody'), 'test', silent), 'SLUICE_LOG_DENIED', /making topics.*Create.*ACL/s)
    await openTopics(as('reader'), 'test', silent)
    const reader = open(as('reader'), [])
    const writer = open(as('writer'), [])
    try {
      await writer.lanes.append([anEvent(0)])
      assert.deepEqual(await valuesIn(reader.log, ({ length }) => length >= 1), [valueOf(0)])
      await rejectsWith(reader.lanes.append([anEvent(1)]), 'SLUICE_LOG_DENIED', /appending.*ACL/s)
      await rejectsWith(reader.log.own(derived, [0]), 'SLUICE_LOG_DENIED', /appending to secured-clickhouse_events/)
      await rejectsWith(
        valuesIn(writer.log, ({ length }) => length >= 1),
        'SLUICE_LOG_DENIED',
        /read secured-events_plugin_ingestion.*ACL/s,
      )
      await rejectsWith(followed(writer.assignment), 'SLUICE_LOG_DENIED', /sharing partitions.*ACL/s)
    } finally {
      await reader.close()
      await writer.close()
    }
  })
})

interface Clients {
  readonly lanes: SourceLanes
  readonly log: EventLog
  readonly assignment: PartitionAssignment
  close(): Promise<void>
}

function open(config: Config, warnings: string[]): Clients {
  const telemetry = {
    ...silent,
    log(level: LogLevel, message: string) {
      if (level === 'warn' || level === 'error') warnings.push(message)
    },
  }
  const common = { connection: kafkaConnection(config, 'test'), topicOf: topicOf(config), partitionCount, telemetry }
  const lanes = openKafkaSourceLanes({
    ...kafkaSourceLanesDefaults,
    ...common,
    durability: 'buffered',
    messageBytesMax: 1_000_000,
  })
  const log = openKafkaLog({
    ...kafkaLogDefaults,
    ...common,
    epochs: createMemoryLogEpochs(),
    readers: createMemoryLogReaders(),
  })
  const assignment = kafkaAssignment({
    ...usualTimes,
    connection: common.connection,
    groupId: `${config.kafka.topicPrefix}sluice-core`,
    memberId: randomUUID(),
    topic: common.topicOf(source),
    telemetry,
  })
  return {
    lanes,
    log,
    assignment,
    async close() {
      await lanes.close()
      await log.close()
    },
  }
}

function configOf(settings: Settings): Config {
  const environment = {
    SLUICE_PROFILE: 'cluster',
    DATABASE_URL: 'postgres://there',
    REDIS_URL: 'redis://there',
    CLICKHOUSE_HOST: 'there',
    SLUICE_INTAKE_PARTITION_COUNT: String(partitionCount),
    SLUICE_KAFKA_REPLICATION_FACTOR: '1',
    SLUICE_KAFKA_MIN_IN_SYNC_REPLICAS: '1',
    SLUICE_KAFKA_ALLOW_BUFFERED: 'yes',
    ...settings,
  }
  const read = configFrom({ environment, file: undefined, workingFolder: '/' })
  return read.kind === 'config' ? read.config : assert.fail(read.problems.join('\n'))
}

const anEvent = (n: number) => aSourceRecord(n, { partition: n % partitionCount })
const valueOf = (n: number): string => anEvent(n).value.toString()

/** The values of the records of the source lane, until there are enough. */
async function valuesIn(log: EventLog, isEnough: (values: readonly string[]) => boolean): Promise<string[]> {
  const enough = new AbortController()
  const values: string[] = []
  const reading = log.read([{ lane: source, from: [] }], { signal: enough.signal, batchBytesMax: 1_000_000 })
  for await (const records of reading) {
    values.push(...records.map(({ value }) => value.toString()))
    if (isEnough(values)) enough.abort()
  }
  return values
}

async function followed(assignment: PartitionAssignment): Promise<void> {
  const stop = new AbortController()
  for await (const partitions of assignment.follow(stop.signal)) {
    stop.abort()
    assert.fail(`It was given the partitions ${partitions.join(', ')}.`)
  }
}

async function rejectsWith(work: Promise<unknown>, code: string, pattern: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof Failure)
    assert.deepEqual([error.code, error.retryable], [code, code === 'SLUICE_LOG_UNAVAILABLE'], error.message)
    assert.match(error.message, pattern)
    return true
  })
}
