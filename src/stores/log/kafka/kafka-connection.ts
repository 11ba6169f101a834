/** How Sluice reaches a Kafka cluster: what every client of this folder is made with, and what its errors mean to us. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { Base, BaseOptions } from '@platformatic/kafka'
import { codeOf, Failure, messageOf } from '../../../kit/failure.ts'

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

/** What every client of the library is made with; its own options come on top. Throws when the certificates are of no use. */
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
    // By which name they are reached brokers are told only where it is one; certificates are for addresses as well.
    ...(tls === undefined
      ? {}
      : { tls: { secureContext: contextOf(tls) }, tlsServerName: options.hosts.some(hasName) }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl } }),
  }
}

function hasName(hostAndPort: string): boolean {
  return isIP(hostAndPort.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')) === 0
}

/** Clients are made often, and reading certificates takes longer than the rest of it. */
const contexts = new WeakMap<KafkaTls, SecureContext>()

function contextOf(tls: KafkaTls): SecureContext {
  const made = contexts.get(tls) ?? makeContext(tls)
  contexts.set(tls, made)
  return made
}

function makeContext({ ca, cert, key }: KafkaTls): SecureContext {
  const unusable = (what: string, error: unknown): Failure =>
    new Failure('SLUICE_KAFKA_CERTIFICATE_UNUSABLE', `${what} ${messageOf(error)}`, { cause: error })
  try {
    // A text without any certificate would be taken for nobody whom we trust.
    if (ca !== undefined) new X509Certificate(ca)
  } catch (error) {
    throw unusable('kafka.trustedCertificate (KAFKA_TRUSTED_CERT_B64) is no certificate in PEM:', error)
  }
  try {
    return createSecureContext({
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    })
  } catch (error) {
    const names = 'kafka.clientCertificate (KAFKA_CLIENT_CERT_B64) and kafka.clientKey (KAFKA_CLIENT_CERT_KEY_B64)'
    throw unusable(`${names} are no certificate and its key in PEM:`, error)
  }
}

/**
 * What an error of the library means. `doing` completes "Kafka failed while …".
 * - SLUICE_LOG_DENIED: the cluster does not let us; somebody must change that.
 * - SLUICE_KAFKA_NOT_TRUSTED: we do not let the cluster: its certificate is not one that we were told to trust.
 * - SLUICE_RECORD_TOO_LARGE: the same record would be refused again.
 * - SLUICE_LOG_UNAVAILABLE: all else; what was asked for may have happened or not.
 */
export function kafkaFailure(error: unknown, doing: string): Failure {
  const all = errorsIn(error)
  const known = all.find((one) => one instanceof Failure)
  if (known !== undefined) return known
  const denied = all.find(isDenied)
  if (denied !== undefined) {
    const how = `Kafka refused us while ${doing}: ${sentence(reasonOf(error))} ${adviceAbout(denied)}`
    return new Failure('SLUICE_LOG_DENIED', how, { cause: error })
  }
  if (all.some(isUntrusted)) {
    const how = `A broker of Kafka is not trusted, found while ${doing}: ${sentence(reasonOf(error))} ${trustAdvice}`
    return new Failure('SLUICE_KAFKA_NOT_TRUSTED', how, { cause: error })
  }
  if (isTooLarge(error)) {
    const how = `Kafka refused a message for its size while ${doing}: ${reasonOf(error)}`
    return new Failure('SLUICE_RECORD_TOO_LARGE', how, { cause: error })
  }
  return new Failure('SLUICE_LOG_UNAVAILABLE', `Kafka failed while ${doing}: ${reasonOf(error)}`, {
    retryable: true,
    cause: error,
  })
}

function isTooLarge(error: unknown): boolean {
  return hasApiError(error, 'MESSAGE_TOO_LARGE') || hasApiError(error, 'RECORD_LIST_TOO_LARGE')
}

const loginAdvice = 'Look at kafka.saslMechanism, kafka.saslUser and kafka.saslPassword (SLUICE_KAFKA_SASL_…).'
const certificateAdvice =
  'Look at kafka.clientCertificate and kafka.clientKey (KAFKA_CLIENT_CERT_B64, KAFKA_CLIENT_CERT_KEY_B64): brokers ask for a certificate that they know.'
const trustAdvice =
  'Look at kafka.trustedCertificate (KAFKA_TRUSTED_CERT_B64), and at kafka.hosts: certificates must be for the names by which brokers are reached.'
export const rightsAdvice =
  'Give us the right (ACL): who we are to Kafka say kafka.saslUser or kafka.clientCertificate.'
const tlsAdvice = 'Set kafka.tls (SLUICE_KAFKA_TLS) to on, or name its plain listener in kafka.hosts (KAFKA_HOSTS).'

/** What of the library's errors is a refusal, and what to do about it. */
const refusals: readonly { readonly is: (error: Error) => boolean; readonly advice: string }[] = [
  {
    is: (error) => /^(?:SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM)$/.test(apiIdOf(error)),
    advice: loginAdvice,
  },
  // It also says so of a connection that ended meanwhile, which may be anybody's fault.
  {
    is: (error) => codeOf(error) === 'PLT_KFK_AUTHENTICATION' && !errorsIn(error.cause).some(isOfNetwork),
    advice: loginAdvice,
  },
  { is: (error) => /^[A-Z_]+_AUTHORIZATION_FAILED$/.test(apiIdOf(error)), advice: rightsAdvice },
  { is: (error) => codeOf(error) === 'PLT_KFK_USER' && error.message === 'Broker requires TLS.', advice: tlsAdvice },
  // What the other side of TLS says of our certificate, or of the lack of one.
  {
    is: (error) =>
      /^ERR_SSL_.*ALERT_.*(?:CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|ACCESS_DENIED)/.test(codeOf(error) ?? ''),
    advice: certificateAdvice,
  },
]

function isDenied(error: Error): boolean {
  return refusals.some(({ is }) => is(error))
}

function adviceAbout(error: Error): string {
  return refusals.find(({ is }) => is(error))?.advice ?? ''
}

function isOfNetwork(error: Error): boolean {
  return codeOf(error) === 'PLT_KFK_NETWORK'
}

/** By Node's names: what is found wrong with a certificate when it is checked. */
function isUntrusted(error: Error): boolean {
  return /^(?:ERR_TLS_CERT_ALTNAME_|CERT_|DEPTH_ZERO_|SELF_SIGNED_CERT_|UNABLE_TO_(?:GET|VERIFY|DECODE|DECRYPT)_|INVALID_(?:CA|PURPOSE)$|PATH_LENGTH_)/.test(
    codeOf(error) ?? '',
  )
}

function apiIdOf(error: Error): string {
  return 'apiId' in error && typeof error.apiId === 'string' ? error.apiId : ''
}

/** The error, those that it was made of, and what caused them: outermost first, those of later tries before those of earlier ones. */
function errorsIn(error: unknown): readonly Error[] {
  const found = new Set<Error>()
  const look = (one: unknown): void => {
    if (!(one instanceof Error) || found.has(one)) return
    found.add(one)
    if (one instanceof AggregateError) for (const part of one.errors.toReversed()) look(part)
    look(one.cause)
  }
  look(error)
  return [...found]
}

/**
 * Why brokers ended connections of a client: its requests are told no more than that they did. To be asked once a request has failed;
 * the error it answers has the reason, where there was one.
 */
export function endingsOf(client: Base): (error: unknown) => unknown {
  let last: Error | undefined
  client.on('client:broker:connect', ({ connection }) => {
    connection.on('error', (error) => {
      last = error
    })
  })
  return (error) => (last !== undefined && wasClosed(error) ? new AggregateError([error, last], last.message) : error)
}

/** Whether a broker, or who is before it, closed the connection on which an answer was awaited. */
export function wasClosed(error: unknown): boolean {
  return errorsIn(error).some((one) => isOfNetwork(one) && one.message === 'Connection closed')
}

/** Whether Kafka's error of this name, e.g. `TOPIC_ALREADY_EXISTS`, is among those that the library tells of. */
export function hasApiError(error: unknown, apiId: string): boolean {
  return errorsIn(error).some((one) => apiIdOf(one) === apiId)
}

/** The library wraps what happened in what it did about it; the last error and what caused it say most. */
export function reasonOf(error: unknown): string {
  let innermost = error
  const said: string[] = []
  for (let depth = 0; innermost instanceof Error && depth < depthMax; depth++) {
    if (innermost instanceof AggregateError && innermost.errors.length > 0) {
      innermost = innermost.errors.at(-1)
      continue
    }
    const text = told(innermost)
    if (!said.includes(text)) said.push(text)
    if (!(innermost.cause instanceof Error)) break
    innermost = innermost.cause
  }
  return said.length === 0 ? messageOf(innermost) : said.map((text) => text.replace(/\.$/, '')).join(': ')
}

const depthMax = 16

function told(error: Error): string {
  // What a broker said, and what OpenSSL means where its message is a position in its sources.
  const said = 'serverErrorMessage' in error ? error.serverErrorMessage : 'reason' in error ? error.reason : undefined
  return typeof said === 'string' && said !== '' ? said : error.message
}

function sentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}
