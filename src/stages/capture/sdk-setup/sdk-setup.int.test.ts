/** What SDKs ask besides sending, over real HTTP. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { runInNewContext } from 'node:vm'
import { silent } from '../../../kit/telemetry/telemetry.ts'
import { createSdkSetup } from './sdk-setup.ts'

const token = 'phc_known'
const arrayScript = `/* array */ ${'x'.repeat(3000)}`
const folder = mkdtempSync(join(tmpdir(), 'sluice-sdk-setup-'))
let servers: readonly Server[] = []
let url = ''
let withoutRecordings = ''

async function serve(recordsSessions: boolean): Promise<{ readonly server: Server; readonly url: string }> {
  const setup = createSdkSetup({ scripts: { folder, version: '1.430.0' }, recordsSessions, telemetry: silent })
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://door')
    const answer = setup.at(pathname)
    if (answer !== undefined) answer(request, response, pathname, search.slice(1))
    else response.writeHead(421).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  return { server, url: `http://127.0.0.1:${String(address.port)}` }
}

before(async () => {
  for (const [name, text] of [
    ['array.js', arrayScript],
    ['posthog-recorder.js', 'recorder'],
    ['array.js.map', '{}'],
    ['main.d.ts', ''],
  ] as const)
    writeFileSync(join(folder, name), text)
  const all = [await serve(true), await serve(false)] as const
  servers = all.map(({ server }) => server)
  url = all[0].url
  withoutRecordings = all[1].url
})

after(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  rmSync(folder, { recursive: true, force: true })
})

async function jsonOf(path: string, init: RequestInit = {}): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(`${url}${path}`, init)
  assert.equal(answer.status, 200, path)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  return (await answer.json()) as Readonly<Record<string, unknown>>
}

describe('the remote configuration', () => {
  it('says where events and recordings go, and that there is nothing that Sluice lacks', async () => {
    for (const path of [`/array/${token}/config`, `/array/${token}/config/`, `/array/${token}/config?ip=0&_=1`]) {
      const config = await jsonOf(path)
      assert.equal(config['token'], token)
      assert.deepEqual(config['supportedCompression'], ['gzip', 'gzip-js'])
      assert.deepEqual(config['analytics'], { endpoint: '/i/v0/e/' })
      assert.equal((config['sessionRecording'] as { readonly endpoint: string }).endpoint, '/s/')
      for (const off of [
        'hasFeatureFlags',
        'heatmaps',
        'surveys',
        'productTours',
        'conversations',
        'captureDeadClicks',
      ])
        assert.equal(config[off], false, off)
    }
  })

  it('is a script too, which leaves it where posthog-js looks for it', async () => {
    const answer = await fetch(`${url}/array/${token}/config.js`)
    assert.match(answer.headers.get('content-type') ?? '', /^application\/javascript/)
    const window: Record<string, unknown> = { _POSTHOG_REMOTE_CONFIG: { other: 1 } }
    runInNewContext(await answer.text(), { window })
    const all = window['_POSTHOG_REMOTE_CONFIG'] as Readonly<Record<string, { readonly config: object }>>
    assert.deepEqual(Object.keys(all), ['other', token])
    // What another realm made is of no class of this one.
    assert.deepEqual(JSON.parse(JSON.stringify(all[token]?.config)), await jsonOf(`/array/${token}/config`))
  })

  it('tells browsers to record nothing when the operator wants so', async () => {
    const answer = await fetch(`${withoutRecordings}/array/${token}/config`)
    assert.equal(((await answer.json()) as { readonly sessionRecording: unknown }).sessionRecording, false)
  })

  it('is there for tokens alone', async () => {
    for (const path of [
      '/array/config',
      '/array/a%20b/config',
      `/array/${'x'.repeat(65)}/config`,
      `/array/${token}/x.js`,
    ])
      assert.equal((await fetch(`${url}${path}`)).status, 404, path)
  })
})

describe('flags', () => {
  const shapes: readonly (readonly [path: string, keys: readonly string[]])[] = [
    ['/flags/?v=2', ['flags', 'errorsWhileComputingFlags', 'requestId']],
    ['/flags?v=2&ip=0', ['flags', 'errorsWhileComputingFlags', 'requestId']],
    ['/flags/', ['featureFlags', 'featureFlagPayloads', 'errorsWhileComputingFlags']],
    ['/flags/?v=2&config=true', ['flags', 'requestId', 'supportedCompression', 'sessionRecording']],
    ['/decide/?v=4', ['flags', 'requestId', 'config', 'supportedCompression']],
    ['/decide/?v=3', ['featureFlags', 'featureFlagPayloads', 'config', 'sessionRecording']],
    ['/decide?v=99', ['flags', 'requestId', 'config']],
  ]
  for (const [path, keys] of shapes) {
    it(`are none at ${path}, in the shape of that version`, async () => {
      const body = JSON.stringify({ token, distinct_id: 'd' })
      for (const init of [{ method: 'POST', body }, { method: 'GET' }]) {
        const answer = await jsonOf(path, init)
        for (const key of keys) assert.ok(key in answer, `${key} in ${Object.keys(answer).join(', ')}`)
        assert.deepEqual(answer['flags'] ?? answer['featureFlags'], {})
      }
    })
  }

  it('are a list in the first version of /decide, and by name in the second', async () => {
    assert.deepEqual((await jsonOf('/decide/'))['featureFlags'], [])
    assert.deepEqual((await jsonOf('/decide/?v=1'))['featureFlags'], [])
    assert.deepEqual((await jsonOf('/decide/?v=2'))['featureFlags'], {})
    assert.deepEqual((await jsonOf('/decide/?v=x'))['featureFlags'], [])
  })

  it('may be asked for from any origin, with credentials', async () => {
    const origin = 'https://shop.example.com'
    const preflight = await fetch(`${url}/flags/?v=2`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-headers': 'content-type' },
    })
    assert.equal(preflight.status, 200)
    assert.equal(preflight.headers.get('access-control-allow-methods'), 'GET,POST,OPTIONS')
    const answer = await fetch(`${url}/flags/?v=2`, { method: 'POST', body: 'x', headers: { origin } })
    assert.equal(answer.headers.get('access-control-allow-origin'), origin)
    assert.equal(answer.headers.get('access-control-allow-credentials'), 'true')
    assert.equal((await fetch(`${url}/flags/`, { method: 'DELETE' })).status, 405)
  })
})

describe('lists under /api', () => {
  const lists = { surveys: 'surveys', product_tours: 'product_tours', early_access_features: 'earlyAccessFeatures' }
  for (const [name, key] of Object.entries({ ...lists, web_experiments: 'experiments' })) {
    it(`are empty: ${name}`, async () => {
      for (const path of [`/api/${name}`, `/api/${name}/`])
        assert.deepEqual((await jsonOf(`${path}?token=${token}`))[key], [])
      assert.equal((await fetch(`${url}/api/${name}/`)).status, 401)
    })
  }

  it('leave everything else to the core', async () => {
    for (const path of ['/api/projects', '/api/surveys/1', '/api/', '/api/survey', '/flags/x', '/staticx'])
      assert.equal((await fetch(`${url}${path}?token=${token}`)).status, 421, path)
  })
})

describe('scripts', () => {
  it('are those of the installed package, to be used by any page', async () => {
    for (const path of [
      '/static/array.js',
      '/static/array.js?v=1.2.3',
      '/static/1.430.0/array.js',
      `/array/${token}/array.js`,
    ]) {
      const answer = await fetch(`${url}${path}`)
      assert.equal(await answer.text(), arrayScript)
      assert.equal(answer.headers.get('access-control-allow-origin'), '*')
      assert.equal(answer.headers.get('cross-origin-resource-policy'), 'cross-origin')
      assert.equal(answer.headers.get('content-encoding'), 'gzip')
    }
    assert.equal(await (await fetch(`${url}/static/posthog-recorder.js`)).text(), 'recorder')
  })

  it('come plain to who wants them plain, and not at all to who has them', async () => {
    const plain = await fetch(`${url}/static/array.js`, { headers: { 'accept-encoding': 'identity' } })
    assert.equal(plain.headers.get('content-encoding'), null)
    assert.equal(plain.headers.get('content-length'), String(arrayScript.length))
    const etag = plain.headers.get('etag') ?? ''
    const again = await fetch(`${url}/static/array.js`, { headers: { 'if-none-match': `W/"x", ${etag}` } })
    assert.deepEqual([again.status, await again.text()], [304, ''])
    const head = await fetch(`${url}/static/array.js`, { method: 'HEAD', headers: { 'accept-encoding': 'identity' } })
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(arrayScript.length)])
  })

  it('are kept for ever by who names the version', async () => {
    const age = async (path: string) => (await fetch(`${url}${path}`)).headers.get('cache-control')
    assert.equal(await age('/static/array.js'), 'public, max-age=3600')
    assert.equal(await age('/static/1.430.0/array.js'), 'public, max-age=31536000')
  })

  it('are no other files and no other version', async () => {
    for (const path of [
      '/static/array.js.map',
      '/static/main.d.ts',
      '/static/toolbar.js',
      '/static/1.429.0/array.js',
      '/static/',
      '/static/..%2fpackage.js',
      '/static/ARRAY.js',
    ])
      assert.equal((await fetch(`${url}${path}`)).status, 404, path)
  })
})
