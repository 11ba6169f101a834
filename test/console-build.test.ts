/** Building the console before a start, in a clone of its own with a Vite that is a small script. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'

const root = path.dirname(import.meta.dirname)

const workingVite = `
const fs = require('node:fs')
const outDir = process.argv[process.argv.indexOf('--outDir') + 1]
fs.mkdirSync(outDir, { recursive: true })
fs.writeFileSync(outDir + '/index.html', fs.readFileSync('console/index.html'))
fs.appendFileSync('builds', 'build\\n')
`

describe('the console before a start', () => {
  let clone = ''

  beforeEach(async () => {
    clone = await mkdtemp(path.join(tmpdir(), 'sluice-console-build-'))
    for (const folder of ['scripts', 'console', 'node_modules/vite/bin'])
      await mkdir(path.join(clone, folder), { recursive: true })
    for (const name of ['bootstrap.js', 'build-console.js', 'console-build.js', 'handover.js', 'installation.js'])
      await copyFile(path.join(root, 'scripts', name), path.join(clone, 'scripts', name))
    await write('package.json', '{ "name": "clone", "type": "module" }')
    await write('package-lock.json', '{ "packages": { "": {} } }')
    await write('node_modules/.package-lock.json', '{ "packages": {} }')
    await write('node_modules/vite/package.json', '{ "name": "vite" }')
    await write('console/index.html', 'first')
    await viteIs(workingVite)
  })

  afterEach(() => rm(clone, { recursive: true, force: true, maxRetries: 5 }))

  it('is built when it is missing, and that is said', async () => {
    const run = await start()
    assert.equal(run.code, 0)
    assert.match(run.stderr, /Building the console.*\n.*Built the console in/s)
    assert.equal(await served(), 'first')
  })

  it('is left alone, without a word, when nothing has changed', async () => {
    await start()
    await viteIs('process.exit(1)')
    assert.deepEqual(await start(), { code: 0, stderr: '' })
  })

  it('is built again when a source or a package has changed, and not for a test', async () => {
    await start()
    await write('console/page.test.ts', '// a test')
    assert.equal(await builds(), 1)
    await write('console/index.html', 'second')
    await start()
    assert.equal(await served(), 'second')
    await write('package-lock.json', '{ "packages": { "": {} }, "changed": true }')
    await start()
    assert.equal(await builds(), 3)
  })

  it('does not stop the start when it cannot be built; the one before is served, and the reason said', async () => {
    await start()
    await write('console/index.html', 'second')
    await viteIs('console.error("index.html is broken"); process.exit(1)')
    const run = await start()
    assert.equal(run.code, 0)
    assert.match(run.stderr, /could not be built, so the one built before is served\..*\n.*index\.html is broken/s)
    assert.equal(await served(), 'first')
    assert.deepEqual(await readdir(path.join(clone, '.sluice')), [])
  })

  it('is built once when two starts begin together', async () => {
    const runs = await Promise.all([start(), start()])
    assert.deepEqual(
      runs.map(({ code }) => code),
      [0, 0],
    )
    assert.equal(await builds(), 1)
    assert.equal(await served(), 'first')
  })

  it('ends its own command with 1 when it cannot be built', async () => {
    await viteIs('process.exit(3)')
    assert.equal((await node('scripts/build-console.js')).code, 1)
  })

  it('is not looked for where there are no sources of it', async () => {
    await rm(path.join(clone, 'console'), { recursive: true })
    assert.deepEqual(await start(), { code: 0, stderr: '' })
    assert.ok(!existsSync(path.join(clone, 'dist')))
  })

  const start = () => node('scripts/bootstrap.js', '--console', 'true')
  const served = () => readFile(path.join(clone, 'dist', 'console', 'index.html'), 'utf8')
  const builds = async () => (await readFile(path.join(clone, 'builds'), 'utf8')).trim().split('\n').length
  const write = (file: string, text: string) => writeFile(path.join(clone, file), text)
  /** CommonJS: `vite/package.json` names no type. */
  const viteIs = (code: string) => write('node_modules/vite/bin/vite.js', code)

  function node(...command: string[]): Promise<{ readonly code: number; readonly stderr: string }> {
    return new Promise((resolve) => {
      const child = execFile(process.execPath, command, { cwd: clone }, (_error, _stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, stderr }),
      )
    })
  }
})
