import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { openPostgresSqlClient } from '../postgres/postgres-sql-client.ts'
import { processesOn } from './leftover-postgres.ts'
import { accountFrom } from './postgres-account.ts'
import { bundledFolder, programsFor } from './postgres-programs.ts'
import { openPostgresServer } from './postgres-server.ts'
import type { PostgresServer, PostgresServerOptions } from './postgres-server.ts'

const isRoot = process.getuid?.() === 0
const forRoot = { skip: isRoot ? false : 'only root runs Postgres under another account' }
const serverModule = new URL('postgres-server.ts', import.meta.url).href

describe('the bundled Postgres', () => {
  /** Made by mkdtemp, so closed to everybody but us: a clone that lies under /root. */
  let parent: string
  let folder: string
  let lines: string[]
  const open: PostgresServer[] = []

  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'sluice-postgres-'))
    folder = join(parent, 'postgres')
  })
  afterEach(async () => {
    for (const server of open.splice(0)) await server.stop()
  })
  after(() => rm(parent, { recursive: true, force: true }))

  const start = async (options: Partial<PostgresServerOptions> = {}): Promise<PostgresServer> => {
    lines = []
    const server = await openPostgresServer({ folder, logLine: (line) => lines.push(line), ...options })
    open.push(server)
    return server
  }
  const ask = async (server: PostgresServer, text: string): Promise<readonly object[]> => {
    const sql = openPostgresSqlClient({ connection: server.connection(), applicationName: 'test' })
    return await sql.query(text).finally(() => sql.close())
  }

  it('keeps what was written, and its address, over a stop and a start', async () => {
    const first = await start()
    await ask(first, 'create table kept (word text)')
    await ask(first, `insert into kept values ('before the stop')`)
    assert.deepEqual(await first.stop(), { code: 0, signal: null, asked: true })
    assert.deepEqual(await first.stop(), { code: 0, signal: null, asked: true })

    const second = await start()
    assert.deepEqual(second.connection(), first.connection())
    assert.deepEqual(await ask(second, 'select word from kept'), [{ word: 'before the stop' }])
    assert.deepEqual(await readdir(folder), ['data'])
  })

  it('writes through to the disk and knows the letters of the world', async () => {
    const server = await start()
    const settings = `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`
    assert.deepEqual(await ask(server, settings), [{ fsync: 'on', commit: 'on' }])
    assert.deepEqual(await ask(server, `select lower('ÄŁΩ') as lower`), [{ lower: 'äłω' }])
  })

  it('can be reached by nobody who cannot read its files anyway', async () => {
    const server = await start()
    assert.equal((await stat(join(folder, 'data'))).mode & 0o077, 0)
    const addresses = `select current_setting('listen_addresses') as tcp, current_setting('unix_socket_directories') as sockets`
    assert.deepEqual(await ask(server, addresses), [{ tcp: '', sockets: '.' }])
  })

  it('says that it is gone when it is killed, and recovers what was committed', async () => {
    const first = await start()
    await ask(first, `insert into kept values ('before the kill')`)
    process.kill(first.pid, 'SIGKILL')
    assert.deepEqual(await first.exited, { code: null, signal: 'SIGKILL', asked: false })
    const second = await start()
    assert.deepEqual(second.connection(), first.connection())
    assert.deepEqual(await ask(second, `select count(*) as n from kept`), [{ n: 2 }])
  })

  it('starts although an old pid file names a process that lives', async () => {
    await writeFile(join(folder, 'data', 'postmaster.pid'), `${String(process.pid)}\n/proc/self/cwd\n`)
    await writeFile(join(folder, 'data', '.s.PGSQL.5432.lock'), `${String(process.pid)}\n`)
    await ask(await start(), 'select 1')
  })

  it('runs as an account that may not even enter the folders above it', forRoot, async () => {
    const server = await start()
    const status = await readFile(`/proc/${String(server.pid)}/status`, 'utf8')
    const uid = Number(/^Uid:\s+(\d+)/m.exec(status)?.[1])
    assert.notEqual(uid, 0)
    await assert.rejects(promisify(execFile)('/bin/ls', [folder], { uid, cwd: '/' }), /Permission denied/)
  })

  it('takes back a data folder that was copied by root', forRoot, async () => {
    const copy = join(parent, 'copy')
    await promisify(execFile)('cp', ['-r', folder, copy])
    assert.equal((await stat(join(copy, 'data'))).uid, 0)
    const server = await start({ folder: copy })
    assert.deepEqual(await ask(server, `select count(*) as n from kept`), [{ n: 2 }])
  })

  it('ends when the process that started it is killed', async () => {
    const supervisor = await startSupervisor(folder)
    const postmaster = Number.parseInt(await readFile(join(folder, 'data', 'postmaster.pid'), 'utf8'), 10)
    const before = await processesOfSession(postmaster)
    assert.equal(before.length, 2, 'the server and its guard')
    await killed(supervisor)
    while ((await processesOn(join(folder, 'data'))).length > 0) await sleep(10)
    while ((await processesOfSession(postmaster)).length > 0) await sleep(10)
  })

  it('waits for what a killed run left on the folder', async () => {
    await killed(await startSupervisor(folder))
    await ask(await start(), 'select 1')
  })

  it('kills what a killed run left when it does not end in time', async () => {
    const supervisor = await startSupervisor(folder)
    for (const pid of await processesOn(join(folder, 'data'))) process.kill(pid, 'SIGSTOP')
    await killed(supervisor)
    const server = await start({ stopTimeoutMs: 300 })
    assert.ok(lines.includes('A Postgres of an earlier run was killed.'), lines.join('\n'))
    assert.deepEqual(await ask(server, `select count(*) as n from kept`), [{ n: 2 }])
  })

  it('is killed by a stop that takes too long', async () => {
    const server = await start({ stopTimeoutMs: 300 })
    const pids = await processesOn(join(folder, 'data'))
    for (const pid of pids) process.kill(pid, 'SIGSTOP')
    assert.deepEqual(await server.stop(), { code: null, signal: 'SIGKILL', asked: true })
    for (const pid of await processesOn(join(folder, 'data'))) process.kill(pid, 'SIGCONT')
  })

  it('gets another name for its folder where the path is too long for a socket', async () => {
    const deep = join(parent, 'a'.repeat(60), 'b'.repeat(60))
    await mkdir(deep, { recursive: true })
    await rename(folder, join(deep, 'postgres'))
    const first = await start({ folder: join(deep, 'postgres') })
    assert.deepEqual(await ask(first, `select count(*) as n from kept`), [{ n: 2 }])
    await first.stop()
    const second = await start({ folder: join(deep, 'postgres') })
    assert.deepEqual(second.connection(), first.connection())
    await ask(second, 'select 1')
    await second.stop()
    await rename(join(deep, 'postgres'), folder)
    await rm(dirname(first.connection().host), { recursive: true })
  })

  it('runs from a copy where the account cannot reach the programs', forRoot, async () => {
    const account = accountFrom(await readFile('/etc/passwd', 'utf8'))
    assert.ok(account)
    const locked = join(parent, 'linux-x64', 'native')
    await cp(bundledFolder(), locked, { recursive: true, verbatimSymlinks: true })
    const copies = await mkdtemp(join(tmpdir(), 'sluice-programs-'))
    try {
      await chmod(copies, 0o777)
      await assert.rejects(programsFor(account, locked, [copies]), /can be changed by somebody else/)
      await chmod(copies, 0o755)
      const programs = await programsFor(account, locked, [copies])
      assert.equal(dirname(dirname(dirname(programs.postgres))), copies)
      const made = await lstat(programs.postgres)
      assert.deepEqual(await programsFor(account, locked, [copies]), programs)
      assert.equal((await lstat(programs.postgres)).ino, made.ino, 'the copy is made once')
      assert.equal((await readdir(copies)).length, 1)
      assert.deepEqual(await ask(await start({ programs }), `select count(*) as n from kept`), [{ n: 2 }])
    } finally {
      for (const server of open.splice(0)) await server.stop()
      await rm(copies, { recursive: true })
    }
  })

  it('refuses a folder of another major version, and says what to do', async () => {
    await writeFile(join(folder, 'data', 'PG_VERSION'), '9\n')
    await assert.rejects(start(), { code: 'SLUICE_POSTGRES_VERSION' })
    await writeFile(join(folder, 'data', 'PG_VERSION'), '18\n')
  })

  it('says why when it does not start', async () => {
    await writeFile(join(folder, 'data', 'postgresql.conf'), 'nonsense = 1\n')
    await assert.rejects(start(), { code: 'SLUICE_POSTGRES_START', message: /nonsense/ })
  })
})

/** A process that starts the server and then only waits, as the real supervisor does. */
async function startSupervisor(folder: string): Promise<ChildProcess> {
  const code = `
    const { openPostgresServer } = await import(${JSON.stringify(serverModule)})
    const server = await openPostgresServer({ folder: ${JSON.stringify(folder)}, logLine: () => undefined })
    console.log('ready')
    await server.exited`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => assert.fail('it did not start'))])
  return child
}

/** Ids of the processes of a session that are not just waiting to be reaped. */
async function processesOfSession(session: number): Promise<readonly number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const status = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')
    const [state, , , sessionOfIt] = status.slice(status.lastIndexOf(')') + 2).split(' ')
    if (Number(sessionOfIt) === session && state !== 'Z') found.push(Number(name))
  }
  return found
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}
