/**
 * `npm run lock`, after `npm install`: adds what npm left out of package-lock.json.
 *
 * npm writes no entry for an optional build of another platform that it could not look up (a mirror that lacks it, or
 * packages already installed), and `npm ci` then refuses the lock file on every machine. Such an entry gets the version
 * its owner asks for and the platform its name says, but no checksum: npm adds that where it installs the package.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { missingOptionalEntries } from './lock-file.ts'
import type { LockFile } from './lock-file.ts'

const file = path.join(path.dirname(import.meta.dirname), 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8')) as LockFile
const missing = missingOptionalEntries(lock)
const packages = Object.entries({ ...lock.packages, ...missing }).sort(([left], [right]) => (left < right ? -1 : 1))
writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(packages) }, null, 2)}\n`)
process.stdout.write(`${String(Object.keys(missing).length)} entries added to package-lock.json.\n`)
