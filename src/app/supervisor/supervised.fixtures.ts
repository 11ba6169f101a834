/**
 * A small installation for the supervisor's tests: real processes whose roles do next to nothing. The same file is the
 * supervisor (its argument is the environment as JSON) and, with `--role`, each of its processes.
 *
 * The edge answers `GET /` with its process id, `GET /setting` with `edge.connectionsPerSourceMax`, and falls into an endless loop at `GET /busy`. Both roles add a line to
 * `trace` when they start and stop; the core answers `sluice status`. Settings are all that reaches a role, so `query.rowsMax` says what the core does:
 * 1 it refuses to start, 2 it crashes at start, 3 it never stops.
 */
import { once } from 'node:events'
import { appendFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { Failure, messageOf } from '../../kit/failure.ts'
import { failpoint } from '../../kit/failpoint.ts'
import { createJsonLog } from '../../kit/telemetry/json-log.ts'
import { silent } from '../../kit/telemetry/telemetry.ts'
import { readConfig } from '../read-config.ts'
import { createRunningSettings } from '../reload.ts'
import type { RoleStatus } from '../role-status.ts'
import { roleSocket } from './data-folder.ts'
import { launchRole } from './launch.ts'
import { createLogPrinter } from './log-printer.ts'
import type { RunRole } from './role-context.ts'
import { roles } from './role-context.ts'
import { runRole } from './run-role.ts'
import { supervise } from './supervise.ts'

const runEdge: RunRole = async (config, { signal, ready, onSettings }) => {
  let { connectionsPerSourceMax } = config.edge
  onSettings((next) => {
    ;({ connectionsPerSourceMax } = next.edge)
    return Promise.resolve([])
  })
  const server = createServer((request, response) => {
    failpoint('edge:asked')
    if (request.url === '/busy') for (;;);
    response.end(String(request.url === '/setting' ? connectionsPerSourceMax : process.pid))
  })
  server.listen(config.edge.port, config.edge.host)
  await once(server, 'listening')
  appendFileSync('trace', 'edge starts\n')
  ready({ port: (server.address() as AddressInfo).port })
  if (!signal.aborted) await once(signal, 'abort')
  server.close()
  server.closeAllConnections()
  appendFileSync('trace', 'edge stops\n')
}

const coreStatus: RoleStatus = {
  lanes: [
    {
      lane: 'events_plugin_ingestion',
      partitions: [
        { partition: 0, end: 7, readers: [{ name: 'warehouse', offset: 5, lag: 2, oldestWaitingMs: 40 }] },
        { partition: 1, end: 0, readers: [] },
      ],
    },
  ],
  books: { ingestion: { decided: 5 } },
}

const runCore: RunRole = async (config, { signal, ready, telemetry }) => {
  const behaviour = config.query.rowsMax
  if (behaviour === 1) throw new Failure('SLUICE_TEST_REFUSED', 'The core wants something changed.')
  if (behaviour === 2) throw new Error('broken')
  appendFileSync('trace', 'core starts\n')
  telemetry.log('info', 'The core of the fixture runs.')
  const status = createServer((_, response) => response.end(JSON.stringify(coreStatus)))
  rmSync(roleSocket.core, { force: true })
  status.listen(roleSocket.core)
  await once(status, 'listening')
  ready({})
  if (!signal.aborted) await once(signal, 'abort')
  if (behaviour === 3) await new Promise(() => setInterval(() => undefined, 1000))
  appendFileSync('trace', 'core stops\n')
}

/** Prints `ready <url>` once; the rest of standard output is JSON lines. */
async function runSupervisor(): Promise<number> {
  const environment = JSON.parse(process.argv[2] ?? '{}') as Readonly<Record<string, string>>
  const result = readConfig({ environment, workingFolder: process.cwd(), configPath: undefined })
  if (result.kind === 'problems') throw new Error(result.problems.join('\n'))
  const { config } = result
  // A test changes the file and sends SIGHUP.
  const settings = createRunningSettings(config, () =>
    Promise.resolve(readConfig({ environment, workingFolder: process.cwd(), configPath: undefined })),
  )
  const printer = createLogPrinter({ write: (line) => process.stdout.write(line) }, 'raw')
  const stop = new AbortController()
  process.on('SIGTERM', () => stop.abort())
  const program = {
    entryFile: import.meta.filename,
    compileCacheFolder: join(tmpdir(), 'sluice-compiled-fixtures'),
    config: () => settings.now(),
    environment,
    output: (role: string, from: Readable) => printer.follow(role, from, 'warn'),
  }
  try {
    await supervise({
      config,
      settings,
      canReload: (reload) => process.on('SIGHUP', () => void reload()),
      processes: [
        { role: 'edge', launch: launchRole('edge', program), watched: true },
        { role: 'core', launch: launchRole('core', program), watched: true },
      ],
      telemetry: { ...silent, log: createJsonLog({ caller: 'supervisor', level: 'info', sink: printer }).log },
      stop: stop.signal,
      stopNow: new AbortController().signal,
      ready: (url) => process.stdout.write(`ready ${url}\n`),
    })
    return 0
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`)
    return 1
  }
}

const role = roles.find((name) => name === process.argv[3])
process.exit(
  await (role === undefined ? runSupervisor() : runRole(role, async () => ({ edge: runEdge, core: runCore })[role])),
)
