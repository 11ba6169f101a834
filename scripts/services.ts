/**
 * `npm run services -- up|down|status|env [names…]`: real services for tests and developers, without containers.
 *
 * up      starts the named ones, or kafka, redis, postgres and clickhouse; again is fine. Data stay until `down`.
 * down    ends the named ones, or all, and removes their data. Downloads are kept.
 * status  asks each something; ends with 1 when one of the named, or one that was started, does not answer well.
 * env     prints the settings that lead to them, a `NAME=value` a line.
 */
import path from 'node:path'
import { isServiceName, serviceNames, SetupProblem } from './services/service.ts'
import type { ServiceName } from './services/service.ts'
import { serviceSet } from './services/service-set.ts'
import type { ServiceStatus } from './services/service-set.ts'

const usage = `Usage: npm run services -- up|down|status|env [${serviceNames.join('|')} …]`
const upByDefault: readonly ServiceName[] = ['kafka', 'redis', 'postgres', 'clickhouse']

const root = path.dirname(import.meta.dirname)
const services = serviceSet({
  folder: path.join(root, '.services'),
  say: (line) => process.stderr.write(`${line}\n`),
})

const linesOf = (statuses: readonly ServiceStatus[]): string =>
  statuses.map(({ name, state, detail }) => `${name.padEnd(10)} ${state.padEnd(6)} ${detail}\n`).join('')

const environmentLines = (): string =>
  Object.entries(services.environment())
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

/** Gives the exit code. */
async function run(command: string | undefined, names: readonly ServiceName[]): Promise<number> {
  const named = names.length === 0 ? undefined : names
  switch (command) {
    case 'up':
      process.stdout.write(linesOf(await services.up(named ?? upByDefault)))
      process.stdout.write(environmentLines())
      return 0
    case 'down':
      await services.down(named)
      return 0
    case 'status': {
      const statuses = await services.status(named)
      process.stdout.write(linesOf(statuses))
      const isWell = ({ state }: ServiceStatus) => state === 'up' || (state === 'down' && named === undefined)
      return statuses.every(isWell) ? 0 : 1
    }
    case 'env':
      process.stdout.write(environmentLines())
      return 0
    default:
      process.stderr.write(`${usage}\n`)
      return 2
  }
}

const [command, ...names] = process.argv.slice(2)
const unknown = names.filter((name) => !isServiceName(name))
if (unknown.length > 0) {
  process.stderr.write(`There is no service "${unknown.join('", "')}".\n${usage}\n`)
  process.exitCode = 2
} else {
  try {
    process.exitCode = await run(command, names.filter(isServiceName))
  } catch (error) {
    const shown = error instanceof SetupProblem ? error.message : error instanceof Error ? error.stack : String(error)
    process.stderr.write(`services: ${shown ?? 'failed'}\n`)
    process.exitCode = 1
  }
}
