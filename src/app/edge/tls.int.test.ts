import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, request as httpsRequest } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { connect as connectPlain } from 'node:net'
import { describe, it } from 'node:test'
import type { TestContext } from 'node:test'
import { connect } from 'node:tls'
import { freePort } from '../../kit/free-port.fixtures.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import type { Telemetry } from '../../kit/telemetry/telemetry.ts'
import { until } from '../../kit/until.fixtures.ts'
import { configFrom } from '../config.ts'
import type { Config } from '../config.ts'
import { aCertificateFolder, openSslMissing, writeCertificate } from '../../kit/certificate.fixtures.ts'
import { openCertificates } from './certificates.ts'
import { openEdgeFront } from './edge-front.ts'
import { answerJson } from './own-answers.ts'
import { readTlsFiles } from './tls-files.ts'
import type { TlsFiles } from './tls-files.ts'

function configOf(environment: Readonly<Record<string, string>>): Config {
  const read = configFrom({ environment, file: undefined, workingFolder: '/' })
  return read.kind === 'config' ? read.config : assert.fail(read.problems.join('\n'))
}

async function aTlsFront(test: TestContext, more: Readonly<Record<string, string>> = {}) {
  const folder = aCertificateFolder(test)
  const { certificateFile, keyFile } = writeCertificate(folder, 'first')
  const settings = {
    SLUICE_PORT: '0',
    SLUICE_TLS_PORT: String(await freePort()),
    SLUICE_TLS_CERTIFICATE_FILE: certificateFile,
    SLUICE_TLS_KEY_FILE: keyFile,
    ...more,
  }
  const config = configOf(settings)
  const stopping = new AbortController()
  const front = await openEdgeFront({
    config,
    buildCapture: () => ({
      at: () => (_, response) => answerJson(response, 200, {}),
    }),
    own: {},
    cores: [{ socketPath: '/nowhere' }],
    stopping: stopping.signal,
    telemetry: silent,
  })
  test.after(async () => {
    stopping.abort()
    await front.close(0)
  })
  return { front, folder, settings, config }
}

/** Name in the certificate that a new connection is shown. */
async function shownName(port: number, options: { maxVersion?: 'TLSv1.1' | 'TLSv1.2' } = {}): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  try {
    await once(socket, 'secureConnect')
    return String(socket.getPeerCertificate().subject.CN)
  } finally {
    socket.destroy()
  }
}

async function ask(port: number, agent: Agent) {
  const request = httpsRequest({ port, host: '127.0.0.1', path: '/e', rejectUnauthorized: false, agent })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const clientPort = response.socket.localPort
  response.resume()
  await once(response, 'end')
  return { status: response.statusCode, headers: response.headers, clientPort }
}

describe('HTTPS', { skip: openSslMissing }, () => {
  it('has the same answers as plain HTTP beside it, and tells browsers to stay', async (test) => {
    const { front, config } = await aTlsFront(test)
    const agent = new Agent()
    const secure = await ask(config.tls.port, agent)
    agent.destroy()
    assert.equal(secure.status, 200)
    assert.equal(secure.headers['strict-transport-security'], 'max-age=31536000')
    const plain = await fetch(`http://127.0.0.1:${String(front.port)}/e`)
    assert.equal(plain.status, 200)
    assert.equal(plain.headers.get('strict-transport-security'), null)
  })

  it('answers all that come together, also those that have to wait for their turn', async (test) => {
    const { config } = await aTlsFront(test, { SLUICE_EDGE_TRUSTED_PROXIES: 'none' })
    const agent = new Agent({ keepAlive: true })
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(config.tls.port, agent)))
    agent.destroy()
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.equal(new Set(answers.map(({ clientPort }) => clientPort)).size, 40)
  })

  it('is the only way in where the plain port is off', async (test) => {
    const { front, config } = await aTlsFront(test, { SLUICE_PORT: 'off' })
    assert.equal(front.port, config.tls.port)
    assert.equal(await shownName(front.port), 'first')
  })

  it('shows a new certificate after a reload, and keeps open connections open', async (test) => {
    const { front, folder, settings, config } = await aTlsFront(test)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const before = await ask(config.tls.port, agent)
    writeCertificate(folder, 'second')
    assert.deepEqual(await front.take(configOf(settings), []), [])
    assert.equal(await shownName(config.tls.port), 'second')
    const after = await ask(config.tls.port, agent)
    assert.equal(after.clientPort, before.clientPort)
    agent.destroy()
  })

  it('keeps the old certificate when the new files are broken, and says what is wrong', async (test) => {
    const { front, folder, settings, config } = await aTlsFront(test)
    writeFileSync(config.tls.certificateFile ?? '', 'rubbish')
    const [broken = ''] = await front.take(configOf(settings), [])
    assert.match(broken, /tls\.certificateFile .* holds no certificate/)
    const other = writeCertificate(folder, 'third', 'other')
    copyFileSync(other.certificateFile, config.tls.certificateFile ?? '')
    const [foreign = ''] = await front.take(configOf(settings), [])
    assert.match(foreign, /is not the key of the first certificate/)
    assert.equal(await shownName(config.tls.port), 'first')
    copyFileSync(other.keyFile, config.tls.keyFile ?? '')
    assert.deepEqual(await front.take(configOf(settings), []), [])
    assert.equal(await shownName(config.tls.port), 'third')
  })

  it('speaks no version older than the setting, which can be changed', async (test) => {
    const { front, settings, config } = await aTlsFront(test)
    assert.equal(await shownName(config.tls.port, { maxVersion: 'TLSv1.2' }), 'first')
    const stricter = configOf({ ...settings, SLUICE_TLS_MIN_VERSION: 'TLSv1.3' })
    assert.deepEqual(await front.take(stricter, ['tls.minVersion']), [])
    await assert.rejects(shownName(config.tls.port, { maxVersion: 'TLSv1.2' }))
    assert.equal(await shownName(config.tls.port), 'first')
  })

  it('survives a client that speaks plain text, or begins a handshake and stops', async (test) => {
    const { config } = await aTlsFront(test, { SLUICE_CAPTURE_HEADERS_TIMEOUT_MS: '200' })
    for (const words of ['GET /e HTTP/1.1\r\nHost: a\r\n\r\n', '\x16\x03\x01']) {
      const socket = connectPlain(config.tls.port, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(words, 'latin1')
      await once(socket, 'close')
    }
    assert.equal(await shownName(config.tls.port), 'first')
  })
})

describe('the certificate files', { skip: openSslMissing }, () => {
  it('are taken by themselves when they change, and once for each change', async (test) => {
    const folder = aCertificateFolder(test)
    const { certificateFile, keyFile } = writeCertificate(folder, 'first')
    const { tls } = configOf({
      SLUICE_TLS_PORT: '1',
      SLUICE_TLS_CERTIFICATE_FILE: certificateFile,
      SLUICE_TLS_KEY_FILE: keyFile,
    })
    const complaints: unknown[] = []
    const telemetry: Telemetry = { ...silent, log: (level, _, fields) => level === 'error' && complaints.push(fields) }
    const certificates = await openCertificates(tls, { telemetry, everyMs: 10 })
    assert.notEqual(certificates.first, undefined)
    const taken: TlsFiles[] = []
    const stop = new AbortController()
    test.after(() => stop.abort())
    certificates.follow((files) => taken.push(files), stop.signal)
    const old = readFileSync(certificateFile)
    writeFileSync(certificateFile, 'half a certif')
    await until('it complains', () => complaints.length > 0)
    writeFileSync(certificateFile, old)
    writeCertificate(folder, 'second')
    await until('it is taken', () => taken.length > 0)
    const read = await readTlsFiles(tls)
    assert.equal(read.kind, 'files')
    await until('the last state is shown', () => taken.at(-1)?.fingerprint === read.files.fingerprint)
    assert.ok(complaints.length <= 3, String(complaints.length))
  })

  it('are named with their setting when they cannot be read', async () => {
    const files = { SLUICE_TLS_CERTIFICATE_FILE: '/nowhere/a.crt', SLUICE_TLS_KEY_FILE: '/nowhere/a.key' }
    const read = await readTlsFiles(configOf({ SLUICE_TLS_PORT: '1', ...files }).tls)
    assert.equal(read.kind, 'problem')
    assert.match(read.problem, /tls\.certificateFile \(\/nowhere\/a\.crt\) cannot be read.*set tls\.port to 0/)
  })
})
