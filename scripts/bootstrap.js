/**
 * node scripts/bootstrap.js [--console] COMMAND ARGUMENTS… — installs what is missing, then runs the command under the
 * pinned Node; with --console it also builds the console, if that has to be done.
 * Every script of package.json goes through it, so each works in a fresh clone and under any Node from 18 on.
 * `exec` before it there: otherwise a shell stands between npm and this process, and keeps signals to itself.
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { endWith, handOver } from './handover.js'
import { ensureInstalled, nodeBinary, SetupProblem } from './installation.js'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const withConsole = process.argv[2] === '--console'
const [command, ...commandArguments] = process.argv.slice(withConsole ? 3 : 2)

try {
  await ensureInstalled(root)
  if (withConsole) await (await import('./console-build.js')).ensureConsole(root)
  handOver(nodeBinary(root), root, command ?? 'true', commandArguments)
} catch (error) {
  endWith(error, error instanceof SetupProblem)
}
