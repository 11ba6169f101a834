/**
 * ClickHouse over HTTP: the real server where its program `clickhouse` is on PATH, otherwise our front over chDB, the same
 * engine in a process of Node (see clickhouse-front.ts for what it is not).
 */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { daemonEnvironment, findProgram } from './programs.ts'
import { portOf } from './service.ts'
import type { Place, Service } from './service.ts'

const askTimeoutMs = 5000
/** Of libuv: each statement that runs holds one. */
const frontThreads = 24

export const clickhouseService: Service = {
  name: 'clickhouse',
  members: ['clickhouse'],
  portsEach: 1,
  stopSignal: 'SIGTERM',

  async install() {
    // The front comes with the npm packages. A real server is nothing that a package registry has.
  },

  async prepare(member, place) {
    await mkdir(place.folder, { recursive: true })
    if (findProgram('clickhouse') !== undefined) {
      await writeFile(path.join(place.folder, 'config.xml'), serverConfiguration(place, portOf(place, member)))
    }
  },

  async launch(member, place) {
    const server = findProgram('clickhouse')
    if (server !== undefined) {
      const parameters = ['server', `--config-file=${path.join(place.folder, 'config.xml')}`]
      return { command: server, arguments: parameters, cwd: place.folder, environment: daemonEnvironment }
    }
    const front = path.join(import.meta.dirname, 'clickhouse-front.ts')
    return {
      command: process.execPath,
      arguments: [front, path.join(place.folder, 'chdb'), String(portOf(place, member))],
      cwd: place.folder,
      environment: { ...daemonEnvironment, UV_THREADPOOL_SIZE: String(frontThreads) },
    }
  },

  async ask(place) {
    const response = await fetch(`${addressOf(place)}/`, {
      method: 'POST',
      body: 'SELECT version() FORMAT TabSeparated',
      signal: AbortSignal.timeout(askTimeoutMs),
    })
    const answer = (await response.text()).trim()
    if (!response.ok) throw new Error(answer)
    const front = response.headers.get('x-sluice-front')
    return front === null ? `ClickHouse ${answer}, a real server` : `ClickHouse ${answer}, a front over ${front}`
  },

  environment: (place) => ({ CLICKHOUSE_HOST: addressOf(place) }),
}

function addressOf(place: Place): string {
  return `http://127.0.0.1:${String(portOf(place, 'clickhouse'))}`
}

function serverConfiguration(place: Place, httpPort: number): string {
  const folder = (name: string) => `${path.join(place.folder, name)}/`
  return `<clickhouse>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>${String(httpPort)}</http_port>
  <path>${folder('server')}</path>
  <tmp_path>${folder('tmp')}</tmp_path>
  <user_files_path>${folder('user_files')}</user_files_path>
  <format_schema_path>${folder('format_schemas')}</format_schema_path>
  <max_server_memory_usage>${String(2 * 1024 ** 3)}</max_server_memory_usage>
  <mark_cache_size>${String(64 * 1024 ** 2)}</mark_cache_size>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <access_management>1</access_management>
    </default>
  </users>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
</clickhouse>
`
}
