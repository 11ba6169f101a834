import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuthenticationError, MultipleErrors, NetworkError, ProtocolError } from '@platformatic/kafka'
import { Failure } from '../../../kit/failure.ts'
import { clientOptions, kafkaConnectionDefaults, kafkaFailure, reasonOf } from './kafka-connection.ts'

const ended = new NetworkError('Connection closed')
const connecting = (cause: Error) => new NetworkError('Connection to there:9092 failed.', { cause })
/** As the library tells of tries. */
const tried = (...errors: Error[]) => new MultipleErrors('metadata failed.', errors)
const withCode = (code: string, message: string) => Object.assign(new Error(message), { code })
const kindOf = (error: unknown): readonly [string, boolean] => {
  const { code, retryable } = kafkaFailure(error, 'looking')
  return [code, retryable]
}

describe('a failure of Kafka', () => {
  it('is a refusal when a broker does not take the login, whichever try it was', () => {
    const wrong = new AuthenticationError('SASL authentication failed.', {
      cause: new ProtocolError('SASL_AUTHENTICATION_FAILED', 'Invalid username or password'),
    })
    assert.deepEqual(kindOf(tried(connecting(wrong))), ['SLUICE_LOG_DENIED', false])
    assert.deepEqual(kindOf(tried(connecting(wrong), ended)), ['SLUICE_LOG_DENIED', false])
    assert.match(
      kafkaFailure(connecting(wrong), 'looking').message,
      /there:9092.*Invalid username.*kafka\.saslPassword/,
    )
  })

  it('is to be tried again when the broker ended during the login', () => {
    const ending = new AuthenticationError('Cannot find a suitable SASL mechanism.', { cause: ended })
    assert.deepEqual(kindOf(tried(connecting(ending))), ['SLUICE_LOG_UNAVAILABLE', true])
    assert.deepEqual(kindOf(ended), ['SLUICE_LOG_UNAVAILABLE', true])
  })

  it('is not waited out when a certificate is not trusted', () => {
    for (const code of ['CERT_HAS_EXPIRED', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID'])
      assert.deepEqual(kindOf(tried(connecting(withCode(code, 'no')))), ['SLUICE_KAFKA_NOT_TRUSTED', false], code)
  })

  it('is a refusal when the broker sends an alert about our certificate, and none when TLS broke otherwise', () => {
    const alert = withCode('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'rec_layer_s3.c:918')
    assert.deepEqual(kindOf(new AggregateError([ended, alert])), ['SLUICE_LOG_DENIED', false])
    const broken = withCode('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'rec_layer_s3.c:918')
    assert.deepEqual(kindOf(connecting(broken)), ['SLUICE_LOG_UNAVAILABLE', true])
  })

  it('has a reason of all that is known of the last try, also where causes go in a circle', () => {
    const circle = new Error('round')
    circle.cause = circle
    assert.equal(reasonOf(tried(ended, connecting(circle))), 'Connection to there:9092 failed: round')
    assert.equal(kafkaFailure(circle, 'looking').code, 'SLUICE_LOG_UNAVAILABLE')
  })
})

describe('what clients of Kafka are made with', () => {
  const options = { ...kafkaConnectionDefaults, clientId: 'test' }

  it('names the server to itself only where it has a name', () => {
    const nameOf = (host: string) => clientOptions({ ...options, hosts: [host], tls: {} }).tlsServerName
    assert.deepEqual(['kafka:9092', '10.0.0.1:9092', '[::1]:9092'].map(nameOf), [true, false, false])
  })

  it('is refused when the authority is no certificate', () => {
    const unusable = () => clientOptions({ ...options, hosts: ['kafka:9092'], tls: { ca: 'none' } })
    assert.throws(unusable, (error) => error instanceof Failure && /kafka\.trustedCertificate/.test(error.message))
  })
})
