/** What a browser fetches before the console can be used, measured in a build of its own. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'

const firstLoadBytesMax = 250_000
const root = path.dirname(import.meta.dirname)

interface Chunk {
  readonly file: string
  readonly css?: readonly string[]
  readonly imports?: readonly string[]
  readonly dynamicImports?: readonly string[]
}

describe('the built console', () => {
  let folder = ''
  let chunks: Readonly<Record<string, Chunk>> = {}

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'sluice-console-'))
    const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js')
    execFileSync(
      process.execPath,
      [vite, 'build', 'console', '--outDir', folder, '--emptyOutDir', '--logLevel', 'error'],
      { cwd: root, env: { ...process.env, NODE_ENV: 'production' } },
    )
    chunks = JSON.parse(read('.vite/manifest.json')) as Record<string, Chunk>
  })

  after(() => rmSync(folder, { recursive: true, force: true }))

  const read = (file: string): string => readFileSync(path.join(folder, file), 'utf8')

  /** A chunk and what it imports in any case, styles included. */
  function filesOf(name: string, seen = new Set<string>()): Set<string> {
    const chunk = chunks[name]
    if (chunk === undefined || seen.has(chunk.file)) return seen
    for (const file of [chunk.file, ...(chunk.css ?? [])]) seen.add(file)
    for (const imported of chunk.imports ?? []) filesOf(imported, seen)
    return seen
  }

  const bytesOf = (files: Iterable<string>): number =>
    [...files].reduce((sum, file) => sum + gzipSync(readFileSync(path.join(folder, file)), { level: 9 }).length, 0)

  for (const page of ['start/StartPage', 'live/LivePage', 'login/LoginPage']) {
    it(`fetches less than ${String(firstLoadBytesMax)} compressed bytes until ${page} is shown`, (context) => {
      const files = new Set(['index.html', 'scheme.js', ...filesOf('index.html')])
      filesOf(`src/pages/${page}.tsx`, files)
      const bytes = bytesOf(files)
      context.diagnostic(`${String(bytes)} bytes in ${String(files.size)} files`)
      assert.ok(bytes < firstLoadBytesMax, `${String(bytes)} bytes: ${[...files].join(', ')}`)
    })
  }

  it('leaves charts and the editor to the pages that need them', () => {
    const first = [...filesOf('index.html')].filter((file) => file.endsWith('.js')).map(read)
    assert.ok(!first.some((code) => code.includes('uplot') || code.includes('cm-editor')))
  })

  it('asks for nothing by an absolute path, so that any path prefix will do', () => {
    const asked = [...read('index.html').matchAll(/\b(?:src|href)="([^"]*)"/g)].map((match) => match[1] ?? '')
    assert.ok(asked.length >= 3)
    for (const url of asked) assert.match(url, /^\.\//)
  })

  it('has no inline script, which the content security policy would refuse', () => {
    assert.doesNotMatch(read('index.html'), /<script(?![^>]*\bsrc=)/)
  })

  it('has a brotli and a gzip copy beside each script and style', () => {
    const files = readdirSync(path.join(folder, 'assets'))
    const large = files.filter((file) => /\.(js|css)$/.test(file) && read(`assets/${file}`).length >= 1_024)
    assert.ok(large.length > 0)
    for (const file of large) assert.ok(files.includes(`${file}.br`) && files.includes(`${file}.gz`), file)
  })
})
