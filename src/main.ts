/** Where every process of Sluice begins: the command line, or with `--role` one of the processes that `start` keeps. */
import { readFileSync } from 'node:fs'
import { nodeVersionComplaint } from './app/node-version.ts'
import type { Role } from './app/supervisor/role-context.ts'
import { roles } from './app/supervisor/role-context.ts'

async function main(): Promise<number> {
  const complaint = nodeVersionComplaint(process.version)
  if (complaint !== undefined) {
    process.stderr.write(`sluice: ${complaint}\n`)
    return 1
  }
  // Whoever read the output has gone; there is nobody to tell.
  process.stdout.on('error', () => undefined)

  const [option, name, ...words] = process.argv.slice(2)
  const role = option === '--role' ? roles.find((known) => known === name) : undefined
  if (role !== undefined) {
    const { runRole } = await import('./app/supervisor/run-role.ts')
    return runRole(role, () => programOf(role))
  }
  const { runCommand } = await import('./cli/run-command.ts')
  return runCommand({
    words: [option, name, ...words].filter((word) => word !== undefined),
    environment: process.env,
    workingFolder: process.cwd(),
    entryFile: import.meta.filename,
    version: version(),
  })
}

async function programOf(role: Role) {
  return role === 'edge' ? (await import('./app/run-edge.ts')).runEdge : (await import('./app/run-core.ts')).runCore
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}

process.exit(await main())
