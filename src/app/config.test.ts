import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Config } from './config.ts'
import { compareConfigs, configFrom, configHelp } from './config.ts'

const workingFolder = '/somewhere'

function resultOf(environment: Readonly<Record<string, string>>, fileText?: string) {
  const file = fileText === undefined ? undefined : { path: '/etc/sluice/sluice.yaml', text: fileText }
  return configFrom({ environment, file, workingFolder })
}

function configOf(environment: Readonly<Record<string, string>>, fileText?: string): Config {
  const result = resultOf(environment, fileText)
  return result.kind === 'config' ? result.config : assert.fail(result.problems.join('\n'))
}

function problemsOf(environment: Readonly<Record<string, string>>, fileText?: string): readonly string[] {
  const result = resultOf(environment, fileText)
  return result.kind === 'problems' ? result.problems : assert.fail('no problem was found')
}

describe('the settings', () => {
  it('have defaults that need no file and no environment', () => {
    const config = configOf({})
    assert.equal(config.edge.port, 8000)
    assert.equal(config.edge.host, '127.0.0.1')
    assert.equal(config.data.dir, '/somewhere/data')
    assert.equal(config.intake.queueBytesMax, 64 * 1024 * 1024)
    assert.equal(config.firstProject.token, undefined)
  })

  it('are frozen, sections too', () => {
    const config = configOf({})
    assert.ok(Object.isFrozen(config))
    assert.ok(Object.values(config).every((section) => Object.isFrozen(section)))
  })

  it('come from the file, and from the environment before the file', () => {
    const file = 'edge: { port: 9000, host: 0.0.0.0 }\nintake:\n  queueBytesMax: 1 GiB\n'
    const config = configOf({ SLUICE_PORT: '9001' }, file)
    assert.equal(config.edge.port, 9001)
    assert.equal(config.edge.host, '0.0.0.0')
    assert.equal(config.intake.queueBytesMax, 1024 ** 3)
  })

  it('take an empty variable, an empty section and an empty file as not set', () => {
    assert.equal(configOf({ SLUICE_PORT: '' }, 'edge:\n').edge.port, 8000)
    assert.equal(configOf({}, '# nothing\n').edge.port, 8000)
  })

  it('count relative paths from where they are written', () => {
    assert.equal(configOf({ SLUICE_DATA_DIR: 'here' }).data.dir, '/somewhere/here')
    assert.equal(configOf({}, 'data: { dir: here }').data.dir, '/etc/sluice/here')
  })

  it('read sizes and times with their units', () => {
    const config = configOf({ SLUICE_INTAKE_QUEUE_BYTES_MAX: '1.5 MiB', SLUICE_LOG_RETENTION_MS: '7d' })
    assert.equal(config.intake.queueBytesMax, 1.5 * 1024 * 1024)
    assert.equal(config.log.retentionMs, 7 * 24 * 3_600_000)
  })

  it('are refused all at once, each with its name, its value, its bounds and what to do', () => {
    const problems = problemsOf({ SLUICE_PORT: '99999', SLUICE_LOG_LEVEL: 'loud' }, 'capture: { depthMax: deep }')
    assert.equal(problems.length, 3)
    const [port = ''] = problems.filter((one) => one.includes('SLUICE_PORT'))
    assert.match(port, /edge\.port.*"99999".*too large.*from 0 to 65535.*default \(8000\)/)
    assert.ok(problems.some((one) => one.includes('one of debug, info, warn, error')))
    assert.ok(problems.some((one) => one.startsWith('/etc/sluice/sluice.yaml: capture.depthMax')))
  })

  it('are refused with the nearest known name when they are unknown', () => {
    assert.match(problemsOf({ SLUICE_PROT: '1' })[0] ?? '', /SLUICE_PROT is not a setting.*SLUICE_PORT\?/)
    assert.match(problemsOf({}, 'edge: { prot: 1 }')[0] ?? '', /edge\.prot is not a setting.*edge\.port\?/)
    assert.match(problemsOf({}, 'egde: { port: 1 }')[0] ?? '', /egde is not a section.*edge\?/)
  })

  it('ignore what belongs to the test suite and to other programs', () => {
    assert.equal(configOf({ SLUICE_TEST_ANYTHING: '1', PORT: '1' }).edge.port, 8000)
  })

  it('are never shown when they are secret', () => {
    const [problem = ''] = problemsOf({ SLUICE_PERSONAL_KEY: 'hunter2 hunter2' })
    assert.match(problem, /SLUICE_PERSONAL_KEY/)
    assert.doesNotMatch(problem, /hunter2/)
  })

  it('refuse a personal key where a project token belongs', () => {
    assert.match(problemsOf({ SLUICE_PROJECT_TOKEN: 'phx_0123456789' })[0] ?? '', /not beginning with phx_/)
  })

  it('refuse a log that is forgotten before its duplicates', () => {
    assert.match(problemsOf({ SLUICE_LOG_RETENTION_MS: '1 h' })[0] ?? '', /log\.retentionMs.*intake\.duplicateWindowMs/)
  })

  it('refuse messages of Kafka that the largest event, or a batch of events, would not fit into', () => {
    const cluster = {
      SLUICE_PROFILE: 'cluster',
      DATABASE_URL: 'postgres://there',
      REDIS_URL: 'redis://there',
      KAFKA_HOSTS: 'there:9092',
      CLICKHOUSE_HOST: 'there',
    }
    configOf(cluster)
    const [event] = problemsOf({ ...cluster, SLUICE_CAPTURE_EVENT_BYTES_MAX: '3 MiB' })
    assert.match(event ?? '', /kafka\.messageBytesMax.*capture\.eventBytesMax/)
    configOf({ ...cluster, SLUICE_CAPTURE_EVENT_BYTES_MAX: '3 MiB', SLUICE_KAFKA_MESSAGE_BYTES_MAX: '18 MiB' })
    const [batch] = problemsOf({ ...cluster, KAFKA_MAX_MESSAGE_BATCH_SIZE: '15 MiB' })
    assert.match(batch ?? '', /kafka\.batchBytesMax.*kafka\.messageBytesMax/)
    configOf({ KAFKA_MAX_MESSAGE_BATCH_SIZE: '15 MiB', SLUICE_CAPTURE_EVENT_BYTES_MAX: '3 MiB' })
  })

  it('refuse half of what it takes to be known to Kafka, and certificates without TLS', () => {
    const [bare] = problemsOf({ KAFKA_TRUSTED_CERT_B64: 'bm9uZQ==' })
    assert.match(bare ?? '', /kafka\.tls is off.*SLUICE_KAFKA_TLS/)
    const [keyless] = problemsOf({ SLUICE_KAFKA_TLS: 'on', KAFKA_CLIENT_CERT_B64: 'bm9uZQ==' })
    assert.match(keyless ?? '', /kafka\.clientKey.*KAFKA_CLIENT_CERT_KEY_B64/)
    const user = { SLUICE_KAFKA_SASL_USER: 'sluice', SLUICE_KAFKA_SASL_PASSWORD: 'secret' }
    for (const [name] of Object.entries({ ...user, SLUICE_KAFKA_SASL_MECHANISM: 'PLAIN' })) {
      const [half] = problemsOf({ ...user, SLUICE_KAFKA_SASL_MECHANISM: 'PLAIN', [name]: undefined })
      assert.match(half ?? '', /SLUICE_KAFKA_SASL_MECHANISM.*SLUICE_KAFKA_SASL_USER.*SLUICE_KAFKA_SASL_PASSWORD/)
    }
    configOf({ ...user, SLUICE_KAFKA_SASL_MECHANISM: 'PLAIN' })
  })

  it('refuse a plan of failpoints that cannot be armed', () => {
    assert.equal(
      configOf({ SLUICE_FAILPOINTS: 'edge:a=kill@3, core:b=kill' }).diagnostics.failpoints,
      'edge:a=kill@3, core:b=kill',
    )
    assert.match(problemsOf({ SLUICE_FAILPOINTS: 'edge:a=explode' })[0] ?? '', /the entry "edge:a=explode"/)
  })

  it('refuse a file that is no YAML, no group, or holds lists where a value belongs', () => {
    assert.match(problemsOf({}, 'edge: [')[0] ?? '', /cannot be read/)
    assert.match(problemsOf({}, '- 1')[0] ?? '', /must be a group/)
    assert.match(problemsOf({}, 'edge: { port: [1] }')[0] ?? '', /must be one value/)
    assert.match(problemsOf({}, 'edge: { port: 1, port: 2 }')[0] ?? '', /cannot be read.*unique/)
    assert.match(problemsOf({}, '__proto__: { port: 1 }')[0] ?? '', /not a section/)
  })

  it('accept a number exactly when it is within its bounds, from the file and the environment alike', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 200_000 }), (port) => {
        const expected = port >= 0 && port <= 65_535 ? 'config' : 'problems'
        assert.equal(resultOf({ SLUICE_PORT: String(port) }).kind, expected)
        assert.equal(resultOf({}, `edge: { port: ${String(port)} }`).kind, expected)
      }),
    )
  })

  it('become a value within bounds or one problem, whatever text is given', () => {
    const texts = fc.oneof(
      fc.string({ minLength: 1 }),
      fc.stringMatching(/^-?[0-9]{1,20}([.][0-9]{1,3})? ?[A-Za-z]{0,4}$/),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const result = resultOf({ SLUICE_CAPTURE_BODY_TIMEOUT_MS: text })
        if (result.kind === 'problems') {
          assert.equal(result.problems.length, 1)
          return
        }
        const { bodyTimeoutMs } = result.config.capture
        assert.ok(Number.isSafeInteger(bodyTimeoutMs) && bodyTimeoutMs >= 100 && bodyTimeoutMs <= 600_000)
      }),
    )
  })
})

describe('settings that change while Sluice runs', () => {
  it('act at once when they may, and wait for a restart otherwise, however often they are read', () => {
    const running = configOf({})
    const next = configOf({
      SLUICE_CAPTURE_DEPTH_MAX: '64',
      SLUICE_INTAKE_PARTITION_COUNT: '8',
      SLUICE_LOG_LEVEL: 'warn',
    })
    const first = compareConfigs(running, next)
    assert.deepEqual(first.applied, ['diagnostics.logLevel', 'capture.depthMax'])
    assert.deepEqual(first.needRestart, ['intake.partitionCount'])
    assert.equal(first.config.capture.depthMax, 64)
    assert.equal(first.config.intake.partitionCount, 16)
    assert.ok(Object.isFrozen(first.config) && Object.isFrozen(first.config.capture))
    assert.deepEqual(compareConfigs(first.config, next), { ...first, applied: [] })
  })

  it('are none when the same is read again, lists included', () => {
    const file = 'edge: { trustedProxies: [10.0.0.0/8, "::1"] }'
    const { applied, needRestart } = compareConfigs(configOf({}, file), configOf({}, file))
    assert.deepEqual([applied, needRestart], [[], []])
  })
})

describe('a list', () => {
  it('is one in the file, or text with commas, or none', () => {
    const both = ['10.0.0.0/8', '::1']
    assert.deepEqual(configOf({}, 'edge: { trustedProxies: [10.0.0.0/8, "::1"] }').edge.trustedProxies, both)
    assert.deepEqual(configOf({ SLUICE_EDGE_TRUSTED_PROXIES: '10.0.0.0/8, ::1' }).edge.trustedProxies, both)
    assert.deepEqual(configOf({ SLUICE_EDGE_TRUSTED_PROXIES: 'none' }).edge.trustedProxies, [])
    assert.deepEqual(configOf({}, 'edge: { trustedProxies: [] }').edge.trustedProxies, [])
    assert.match(problemsOf({ SLUICE_EDGE_TRUSTED_PROXIES: '::1, proxy' })[0] ?? '', /names "proxy", which is no IP/)
  })
})

describe('the ports', () => {
  it('are refused when nobody could come in, or HTTPS has no certificate', () => {
    assert.match(problemsOf({ SLUICE_PORT: 'off' })[0] ?? '', /nobody could reach Sluice/)
    assert.match(problemsOf({ SLUICE_TLS_PORT: '8443' })[0] ?? '', /tls\.certificateFile or tls\.keyFile is not/)
    assert.equal(
      configOf({}, 'edge: { port: off }\ntls: { port: 8443, certificateFile: a, keyFile: b }').edge.port,
      undefined,
    )
  })
})

describe('the help', () => {
  it('names every variable with its default', () => {
    assert.match(configHelp(), /SLUICE_PORT\n {6}edge\.port: .*Default: 8000\./)
    assert.match(configHelp(), /SLUICE_CONFIG/)
  })
})
