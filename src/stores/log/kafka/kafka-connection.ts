/** How Sluice reaches a Kafka cluster: what every client of this folder is made with, and what its errors mean to us. */
import { findErrorBy } from '@platformatic/kafka'
import type { BaseOptions } from '@platformatic/kafka'
import { Failure, messageOf } from '../../../kit/failure.ts'

export interface KafkaConnectionOptions {
  /** `host:port` of some brokers; the others are learned from them. */
  readonly hosts: readonly string[]
  /** By which brokers' logs and quotas know this process; no white space. */
  readonly clientId: string
  /** Undefined: plain connections. */
  readonly tls?: KafkaTls | undefined
  readonly sasl?: KafkaSasl | undefined
  readonly connectTimeoutMs: number
  /** How long a broker may take to answer, and also how long it may wait for its replicas. */
  readonly requestTimeoutMs: number
  /**
   * How long what is known of leaders counts. Must be short: a client that remembers an old leader sends to it until its tries are
   * used up, although the new one is known to all others.
   */
  readonly metadataAgeMs: number
  /** Tries after the first one, of one request. */
  readonly retries: number
  /** Before the first of them; each next one waits twice as long, up to `retryDelayMsMax`. */
  readonly retryDelayMs: number
  readonly retryDelayMsMax: number
}

export interface KafkaTls {
  /** PEM texts. Without `ca` the system's authorities are trusted. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  /** What the brokers' certificates must be for, when it is not the name by which they are reached. */
  readonly serverName?: string | undefined
}

export interface KafkaSasl {
  readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'
  readonly username: string
  readonly password: string
}

export const kafkaConnectionDefaults = {
  connectTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  metadataAgeMs: 500,
  retries: 3,
  retryDelayMs: 100,
  retryDelayMsMax: 2_000,
} as const satisfies Partial<KafkaConnectionOptions>

/** What every client of the library is made with; its own options come on top. */
export function clientOptions(options: KafkaConnectionOptions): BaseOptions {
  const { tls, sasl, retryDelayMs, retryDelayMsMax } = options
  return {
    clientId: options.clientId,
    bootstrapBrokers: [...options.hosts],
    connectTimeout: options.connectTimeoutMs,
    requestTimeout: options.requestTimeoutMs,
    // What the broker is given for its replicas ends before we stop listening for its answer.
    timeout: Math.max(1, Math.floor(options.requestTimeoutMs * 0.8)),
    retries: options.retries,
    retryDelay: (_client, _operation, attempt) => Math.min(retryDelayMs * 2 ** (attempt - 1), retryDelayMsMax),
    metadataMaxAge: options.metadataAgeMs,
    autocreateTopics: false,
    ...(tls === undefined ? {} : { tls: tlsOptions(tls), tlsServerName: tls.serverName ?? true }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
  }
}

function tlsOptions({ ca, cert, key }: KafkaTls): NonNullable<BaseOptions['tls']> {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  }
}

/**
 * What an error of the library means. `doing` completes "Kafka failed while …".
 * - SLUICE_LOG_DENIED: the cluster does not let us; somebody must change that.
 * - SLUICE_RECORD_TOO_LARGE: the same record would be refused again.
 * - SLUICE_LOG_UNAVAILABLE: all else; what was asked for may have happened or not.
 */
export function kafkaFailure(error: unknown, doing: string): Failure {
  if (error instanceof Failure) return error
  const reason = reasonOf(error)
  if (isDenied(error)) {
    return new Failure('SLUICE_LOG_DENIED', `Kafka refused us while ${doing}: ${reason}`, { cause: error })
  }
  if (isTooLarge(error)) {
    return new Failure('SLUICE_RECORD_TOO_LARGE', `Kafka refused a message for its size while ${doing}: ${reason}`, {
      cause: error,
    })
  }
  return new Failure('SLUICE_LOG_UNAVAILABLE', `Kafka failed while ${doing}: ${reason}`, {
    retryable: true,
    cause: error,
  })
}

function isTooLarge(error: unknown): boolean {
  return hasApiError(error, 'MESSAGE_TOO_LARGE') || hasApiError(error, 'RECORD_LIST_TOO_LARGE')
}

function isDenied(error: unknown): boolean {
  if (error instanceof Error && findErrorBy(error, 'code', 'PLT_KFK_AUTHENTICATION') !== null) return true
  return deniedErrors.some((id) => hasApiError(error, id))
}

const deniedErrors = [
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
]

/** Whether Kafka's error of this name, e.g. `TOPIC_ALREADY_EXISTS`, is among those that the library tells of. */
export function hasApiError(error: unknown, apiId: string): boolean {
  return error instanceof Error && findErrorBy(error, 'apiId', apiId) !== null
}

/** The library wraps what happened in what it did about it; the innermost last error says most. */
function reasonOf(error: unknown): string {
  let innermost = error
  while (innermost instanceof AggregateError && innermost.errors.length > 0) innermost = innermost.errors.at(-1)
  return messageOf(innermost)
}
