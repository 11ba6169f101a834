/**
 * Builds the console in a clone, and tells in a few milliseconds when there is nothing to do.
 *
 * Plain JavaScript for the same reason as installation.js; runs when packages are installed. All it says goes to
 * standard error. A published package has dist/console and no sources of it, so nothing happens there.
 *
 * Words used here:
 * - sources: the files of console/ that get into the build, and the lock file, which says what they are built with.
 * - stamp: dist/console/.sources, a hash of them. It matches: nothing to do.
 * - staging: a folder of this run in which Vite builds. It becomes dist/console by a rename, so that what is served is
 *   always one whole build.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { nodeBinary, SetupProblem, withRunLock } from './installation.js'

const buildTimeoutMs = 300_000
const outputLinesMax = 12

/** Before a start: a console that cannot be built is said, and stops nobody from accepting events. */
export async function ensureConsole(root) {
  try {
    await buildConsole(root)
  } catch (error) {
    const served = fs.existsSync(path.join(placeOf(root), 'index.html'))
      ? 'the one built before is served'
      : 'none is served'
    say(`The console could not be built, so ${served}. Events and questions are not concerned.`)
    say(error instanceof SetupProblem ? error.message : error.stack)
  }
}

/** Throws when it cannot be built. Several at once build once. */
export async function buildConsole(root) {
  if (!fs.existsSync(path.join(root, 'console'))) return
  const sources = hashOfSources(root)
  if (stampOf(root) === sources) return
  await withRunLock(root, 'console.lock', 'building the console', async () => {
    // Somebody else may have built meanwhile.
    if (stampOf(root) !== sources) await build(root, sources)
  })
}

async function build(root, sources) {
  const workshop = path.join(root, '.sluice')
  // Whoever holds the lock builds alone, so these were left behind by runs that were killed.
  for (const name of fs.readdirSync(workshop)) {
    if (name.startsWith('console-')) fs.rmSync(path.join(workshop, name), { recursive: true, force: true })
  }
  const staging = path.join(workshop, `console-new-${process.pid}`)
  const startedAt = Date.now()
  say('Building the console, because it is missing or its sources have changed (some seconds).')
  try {
    await runVite(root, staging)
    fs.writeFileSync(path.join(staging, '.sources'), sources)
    putInPlace(root, staging)
  } finally {
    fs.rmSync(staging, { recursive: true, force: true })
  }
  say(`Built the console in ${(Math.round((Date.now() - startedAt) / 100) / 10).toFixed(1)} s.`)
}

function putInPlace(root, staging) {
  const place = placeOf(root)
  const old = path.join(root, '.sluice', `console-old-${process.pid}`)
  fs.mkdirSync(path.dirname(place), { recursive: true })
  if (fs.existsSync(place)) fs.renameSync(place, old)
  fs.renameSync(staging, place)
  fs.rmSync(old, { recursive: true, force: true })
}

function runVite(root, outDir) {
  const vite = path.join(root, 'node_modules', 'vite', 'bin', 'vite.js')
  const child = spawn(
    nodeBinary(root),
    [vite, 'build', 'console', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'warn'],
    {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: buildTimeoutMs,
      env: { ...process.env, NODE_ENV: 'production' },
    },
  )
  let output = ''
  child.stdout.on('data', (chunk) => (output += chunk))
  child.stderr.on('data', (chunk) => (output += chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new SetupProblem(lastLines(output) || `Vite ended with exit code ${code}.`))
    })
  })
}

function lastLines(output) {
  const lines = output.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line))
  return lines
    .slice(0, outputLinesMax)
    .map((line) => `  ${line}`)
    .join('\n')
}

const placeOf = (root) => path.join(root, 'dist', 'console')

function stampOf(root) {
  try {
    return fs.readFileSync(path.join(placeOf(root), '.sources'), 'utf8')
  } catch {
    return undefined
  }
}

function hashOfSources(root) {
  const hash = createHash('sha256')
  for (const file of ['package-lock.json', ...filesOf(root, 'console')]) {
    hash.update(`${file}\n`).update(fs.readFileSync(path.join(root, file)))
  }
  return hash.digest('hex')
}

/** Tests and prose are no part of the build. */
function filesOf(root, folder) {
  return fs
    .readdirSync(path.join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = path.posix.join(folder, entry.name)
      if (entry.isDirectory()) return filesOf(root, file)
      return /\.test\.ts$|\.md$/.test(entry.name) ? [] : [file]
    })
}

function say(text) {
  process.stderr.write(`sluice: ${text}\n`)
}
