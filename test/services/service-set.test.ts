import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Admin, Producer } from '@platformatic/kafka'
import { Redis } from 'ioredis'
import pg from 'pg'
import { endDaemon, isRunning, startDaemon } from '../../scripts/services/daemon.ts'
import { freePorts, isPortFree } from '../../scripts/services/free-ports.ts'
import type { ServiceSet } from '../../scripts/services/service-set.ts'
import { aServiceSet, missing } from './service-set.fixtures.ts'

const commandTimeoutMs = 5000

describe('a set of services', { timeout: 240_000, skip: missing('redis') }, () => {
  let services: ServiceSet
  let folder: string
  let remove: () => Promise<void>
  before(async () => {
    ;({ services, folder, remove } = await aServiceSet())
    await services.up(['redis', 'postgres'])
  })
  after(() => remove())

  const redis = async <Result>(work: (client: Redis) => Promise<Result>): Promise<Result> => {
    const client = new Redis(services.environment()['REDIS_URL'] ?? '', { commandTimeout: commandTimeoutMs })
    client.on('error', () => undefined)
    try {
      return await work(client)
    } finally {
      client.disconnect()
    }
  }

  it('says what answered, and what is not there', async () => {
    const statuses = await services.status()
    const states = Object.fromEntries(statuses.map(({ name, state }) => [name, state]))
    assert.deepEqual(states, { kafka: 'down', kafka3: 'down', redis: 'up', postgres: 'up', clickhouse: 'down' })
    assert.match(statuses.find(({ name }) => name === 'redis')?.detail ?? '', /says PONG$/)
  })

  it('leaves what is up as it is when it is brought up again, also by two at once', async () => {
    await redis((client) => client.set('kept', 'yes'))
    const before = services.environment()
    await Promise.all([services.up(['redis', 'postgres']), services.up(['redis'])])
    assert.deepEqual(services.environment(), before)
    assert.equal(await redis((client) => client.get('kept')), 'yes')
  })

  it('gives back what a killed service was given, on the same port', async () => {
    const url = services.environment()['DATABASE_URL']
    const client = new pg.Client({ connectionString: url, query_timeout: commandTimeoutMs })
    client.on('error', () => undefined)
    await client.connect()
    await client.query('CREATE TABLE kept AS SELECT 1 AS one')
    await services.kill('postgres')
    assert.equal(services.isRunning('postgres'), false)
    assert.equal((await services.status(['postgres']))[0]?.state, 'down')
    await client.end().catch(() => undefined)

    await services.start('postgres')
    assert.equal(services.environment()['DATABASE_URL'], url)
    const again = new pg.Client({ connectionString: url, query_timeout: commandTimeoutMs })
    await again.connect()
    try {
      assert.deepEqual((await again.query('SELECT one FROM kept')).rows, [{ one: 1 }])
      assert.deepEqual((await again.query('SHOW max_connections')).rows, [{ max_connections: '200' }])
    } finally {
      await again.end()
    }
  })

  it('stops politely and starts again', async () => {
    await redis((client) => client.set('stopped', 'with care'))
    await services.stop('redis')
    assert.equal(services.isRunning('redis'), false)
    await services.start('redis')
    assert.equal(await redis((client) => client.get('stopped')), 'with care')
  })

  it('says that a paused service is broken, and ends it all the same', async () => {
    services.pause('redis')
    const [paused] = await services.status(['redis'])
    assert.equal(paused?.state, 'broken')
    services.resume('redis')
    assert.equal((await services.status(['redis']))[0]?.state, 'up')
    services.pause('redis')
    await services.stop('redis')
    await services.up(['redis'])
  })

  it('moves to another port when somebody took its own while it was away', async () => {
    await services.kill('redis')
    const taken = Number(new URL(services.environment()['REDIS_URL'] ?? '').port)
    const squatter = createServer()
    await new Promise<void>((resolve) => squatter.listen(taken, '127.0.0.1', resolve))
    try {
      await services.up(['redis'])
      assert.notEqual(Number(new URL(services.environment()['REDIS_URL'] ?? '').port), taken)
      assert.equal(await redis((client) => client.get('stopped')), 'with care')
    } finally {
      squatter.close()
    }
  })

  it('leaves no process, no port and no data after down, of one or of all', async () => {
    const port = (name: string) => Number(new URL(services.environment()[name] ?? '').port)
    const ports = [port('REDIS_URL'), port('DATABASE_URL')]
    await services.down(['redis'])
    assert.deepEqual(Object.keys(services.environment()), ['DATABASE_URL'])
    await services.down()
    await services.down()
    assert.deepEqual(services.environment(), {})
    assert.deepEqual(await Promise.all(ports.map(isPortFree)), [true, true])
    const left = readdirSync(folder).filter((name) => !name.startsWith('services.'))
    assert.deepEqual([left, existsSync(`${folder}/services.json`)], [[], false])
  })

  it('refuses the name of a member that no service has', async () => {
    await assert.rejects(async () => services.kill('kafka3-4'), /No service has a member "kafka3-4"/)
  })
})

describe('the services of a test', { timeout: 60_000, skip: missing('redis') }, () => {
  it('end with it when it is killed', async () => {
    const fixtures = path.join(import.meta.dirname, 'service-set.fixtures.ts')
    const script = `
      const { aServiceSet } = await import(${JSON.stringify(fixtures)})
      const { folder, services } = await aServiceSet()
      await services.up(['redis'])
      console.log(JSON.stringify([folder, services.environment().REDIS_URL]))
      setInterval(() => undefined, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve) => child.stdout.once('data', (data) => resolve(String(data))))
    const [folder, url] = JSON.parse(line) as [string, string]
    assert.equal(await isPortFree(Number(new URL(url).port)), false)
    child.kill('SIGKILL')
    while (existsSync(folder)) await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(await isPortFree(Number(new URL(url).port)), true)
  })
})

describe('three brokers', { timeout: 240_000, skip: missing('kafka') }, () => {
  let services: ServiceSet
  let remove: () => Promise<void>
  before(async () => {
    ;({ services, remove } = await aServiceSet())
    await services.up(['kafka3'])
  })
  after(() => remove())

  it('keep each record on three and take more while one of them is killed and started again', async () => {
    const bootstrapBrokers = (services.environment()['KAFKA_HOSTS'] ?? '').split(',')
    assert.equal(bootstrapBrokers.length, 3)
    const options = { clientId: 'services-test', bootstrapBrokers, metadataMaxAge: 500, retries: 40, retryDelay: 250 }
    const admin = new Admin(options)
    const producer = new Producer({ ...options, idempotent: true, acks: -1 })
    try {
      await admin.createTopics({ topics: ['drill'], partitions: 3, replicas: 3 })
      const { topics } = await admin.metadata({ topics: ['drill'], forceUpdate: true })
      const copies = [...(topics.get('drill')?.partitions ?? [])].map(({ replicas }) => replicas.length)
      assert.deepEqual(copies, [3, 3, 3])

      const send = (value: string) =>
        producer.send({
          messages: [0, 1, 2].map((partition) => ({ topic: 'drill', partition, value: Buffer.from(value) })),
        })
      await send('before')
      await services.kill('kafka3-2')
      assert.equal((await services.status(['kafka3']))[0]?.state, 'broken')
      await send('during')
      await services.start('kafka3-2')
      await send('after')
      await services.up(['kafka3'])
      assert.match((await services.status(['kafka3']))[0]?.detail ?? '', /3 brokers know each other$/)
    } finally {
      await producer.close()
      await admin.close()
    }
  })
})

describe('a daemon', () => {
  const launchTo = (log: string, command: string, ...parameters: readonly string[]) =>
    startDaemon({ command, arguments: parameters, cwd: '/', environment: { PATH: '/usr/bin:/bin' } }, log)
  const launch = (command: string, ...parameters: readonly string[]) => launchTo('/dev/null', command, ...parameters)

  it('is not taken for another process that got its number', async () => {
    const daemon = await launch('/bin/sleep', '60')
    assert.equal(isRunning(daemon), true)
    assert.equal(isRunning({ ...daemon, startedTicks: '1' }), false)
    await endDaemon({ ...daemon, startedTicks: '1' }, 'SIGKILL', 1000)
    assert.equal(isRunning(daemon), true)
    await endDaemon(daemon, 'SIGTERM', 5000)
    assert.equal(isRunning(daemon), false)
  })

  it('is forced when it does not listen', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'sluice-daemon-'))
    const log = path.join(folder, 'log')
    try {
      const daemon = await launchTo(log, '/bin/sh', '-c', "trap '' TERM; echo deaf; while :; do sleep 0.05; done")
      while (readFileSync(log, 'utf8') !== 'deaf\n') await new Promise((resolve) => setTimeout(resolve, 10))
      await endDaemon(daemon, 'SIGTERM', 300)
      assert.equal(isRunning(daemon), false)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('that cannot be started is an error', async () => {
    await assert.rejects(launch('/nonexistent/program'), /ENOENT/)
  })
})

describe('free ports', () => {
  it('are different ones, below those of outgoing connections', async () => {
    const ports = await freePorts(20)
    assert.equal(new Set(ports).size, 20)
    assert.ok(ports.every((port) => port < 32_000))
  })
})

describe('the command', () => {
  const command = (...parameters: readonly string[]) =>
    new Promise<{ readonly code: number | null; readonly said: string }>((resolve) => {
      const script = path.join(import.meta.dirname, '..', '..', 'scripts', 'services.ts')
      const child = execFile(process.execPath, [script, ...parameters], { timeout: 60_000 }, (_error, stdout, stderr) =>
        resolve({ code: child.exitCode, said: stdout + stderr }),
      )
    })

  it('says what there is when it is asked for something else', async () => {
    const usage = /Usage: .* up\|down\|status\|env \[kafka\|kafka3\|redis\|postgres\|clickhouse …\]/
    for (const parameters of [[], ['restart'], ['up', 'kafka2']]) {
      const { code, said } = await command(...parameters)
      assert.equal(code, 2)
      assert.match(said, usage)
    }
  })

  it('prints settings alone for env', async () => {
    const { code, said } = await command('env')
    assert.equal(code, 0)
    assert.match(said, /^(?:[A-Z0-9_]+=\S+\n)*$/)
  })
})
