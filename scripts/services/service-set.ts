/**
 * Services that run beside each other on one folder, for tests and developers. Also what fault tests use:
 *
 *     const services = serviceSet({ folder: await mkdtemp(…), downloads })
 *     await services.up(['kafka3'])
 *     const hosts = services.environment()['KAFKA3_HOSTS']
 *     await services.kill('kafka3-2')      // SIGKILL, resolves when the process is gone
 *     await services.start('kafka3-2')     // same data, same ports; resolves when it answers again
 *     await services.down()
 *
 * Kept in the folder: `services.json` (ports and process ids), `data/<service>/`, `log/<member>.log`, `downloads/`.
 * Commands that start or remove something take the folder's lock, so two at once do not start a service twice. Members are
 * detached: they outlive the command and end by `down` alone.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockFolder } from '../../src/kit/folder-lock.ts'
import { messageOf } from '../../src/kit/failure.ts'
import { clickhouseService } from './clickhouse.ts'
import { endDaemon, isRunning, signal, startDaemon } from './daemon.ts'
import type { Daemon } from './daemon.ts'
import { freePorts, isPortFree } from './free-ports.ts'
import { kafkaService } from './kafka.ts'
import type { KafkaMore } from './kafka.ts'
import { postgresService } from './postgres.ts'
import { redisService } from './redis.ts'
import { serviceNames, SetupProblem } from './service.ts'
import type { Place, Service, ServiceName } from './service.ts'

export interface ServiceSetOptions {
  readonly folder: string
  /** Where downloads are kept, if not in the folder; several sets may share one. */
  readonly downloads?: string
  /** What the brokers are to have besides what they always have; the same each time, for as long as they have data. */
  readonly kafka?: KafkaMore
  /** Told what takes long. */
  readonly say?: (line: string) => void
}

export interface ServiceStatus {
  readonly name: ServiceName
  readonly state: 'up' | 'broken' | 'down'
  /** What the service said, or what is wrong with it. */
  readonly detail: string
}

export interface ServiceSet {
  /** Brings them up, installing what is missing; those that are up stay as they are. Resolves when each answers. */
  up(names: readonly ServiceName[]): Promise<readonly ServiceStatus[]>
  /** Ends them and removes their data; without names, all, and everything in the folder but downloads. */
  down(names?: readonly ServiceName[]): Promise<void>
  status(names?: readonly ServiceName[]): Promise<readonly ServiceStatus[]>
  /** Settings that lead to the services that are there, e.g. `REDIS_URL`. */
  environment(): Readonly<Record<string, string>>

  /** SIGKILL; resolves when the process is gone. Fine when it is gone already. */
  kill(member: string): Promise<void>
  /** Asks it to end, waits, and forces it in the end. Its data stay. */
  stop(member: string): Promise<void>
  /**
   * Starts a member of a service that is up: same data, same ports. Resolves when it answers, which one of three brokers
   * cannot do alone: start two of them side by side when all are away.
   */
  start(member: string): Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  pause(member: string): void
  resume(member: string): void
  isRunning(member: string): boolean
  /** The process as it was started last; whatever it started has it as an ancestor. */
  pid(member: string): number
}

/** Somebody else's `up` may be downloading. */
const lockTimeoutMs = 600_000
const readyTimeoutMs = 150_000
const readyPollMs = 50
const stopTimeoutMs = 20_000
const killTimeoutMs = 10_000
const logBytesShown = 2000

/** What services.json says of one service. */
interface ServiceRecord {
  readonly ports: Readonly<Record<string, readonly number[]>>
  readonly daemons: Readonly<Record<string, Daemon>>
}
type ServiceRecords = Readonly<Partial<Record<ServiceName, ServiceRecord>>>

export function serviceSet({ folder, downloads, kafka, say = () => undefined }: ServiceSetOptions): ServiceSet {
  const services: Readonly<Record<ServiceName, Service>> = {
    kafka: kafkaService('kafka', kafka),
    kafka3: kafkaService('kafka3', kafka),
    redis: redisService,
    postgres: postgresService,
    clickhouse: clickhouseService,
  }
  const file = path.join(folder, 'services.json')
  const downloadFolder = downloads ?? path.join(folder, 'downloads')
  const logFile = (member: string) => path.join(folder, 'log', `${member}.log`)

  const placeOf = (name: ServiceName, record: ServiceRecord): Place => ({
    folder: path.join(folder, 'data', name),
    downloads: downloadFolder,
    ports: record.ports,
  })

  const read = (): ServiceRecords =>
    existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ServiceRecords) : {}

  /** Several services come up at once, so each change is made to what is there by then, without a pause in between. */
  let writing: Promise<void> = Promise.resolve()
  const change = (name: ServiceName, changed: (record: ServiceRecord | undefined) => ServiceRecord | undefined) => {
    const next = writing.then(async () => {
      const { [name]: before, ...others } = read()
      const after = changed(before)
      const records: ServiceRecords = after === undefined ? others : { ...others, [name]: after }
      await writeFile(`${file}.new`, `${JSON.stringify(records, null, 2)}\n`, { mode: 0o600 })
      await rename(`${file}.new`, file)
    })
    writing = next.catch(() => undefined)
    return next
  }

  const locked = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    await mkdir(path.join(folder, 'log'), { recursive: true })
    await mkdir(path.join(folder, 'data'), { recursive: true })
    const lock = await lockFolder(folder, 'services', { waitMs: lockTimeoutMs })
    try {
      return await work()
    } finally {
      lock.release()
    }
  }

  /** Ports are kept as long as the service has data; they change only when all its members are away and one was taken. */
  const recordWithPorts = async (service: Service, running: readonly string[]): Promise<ServiceRecord> => {
    const before = read()[service.name]
    if (before !== undefined) {
      const away = service.members.filter((member) => !running.includes(member))
      const free = await Promise.all(away.flatMap((member) => (before.ports[member] ?? []).map(isPortFree)))
      if (free.every(Boolean) || running.length > 0) return before
    }
    const ports = await freePorts(service.members.length * service.portsEach)
    const record: ServiceRecord = {
      ports: Object.fromEntries(
        service.members.map((member, index) => [
          member,
          ports.slice(index * service.portsEach, (index + 1) * service.portsEach),
        ]),
      ),
      daemons: {},
    }
    await change(service.name, () => record)
    return record
  }

  const spawnMember = async (service: Service, member: string, place: Place): Promise<void> => {
    await service.endLeftovers?.(place)
    await service.prepare(member, place)
    const daemon = await startDaemon(await service.launch(member, place), logFile(member))
    await change(service.name, (record) => ({
      ports: record?.ports ?? place.ports,
      daemons: { ...record?.daemons, [member]: daemon },
    }))
  }

  /** Asks until it is answered. A member that ends meanwhile, or time that runs out, is an error with its last words. */
  const untilReady = async (service: Service, place: Place, members: readonly string[]): Promise<string> => {
    const deadline = performance.now() + readyTimeoutMs
    while (true) {
      try {
        return await service.ask(place, members)
      } catch (error) {
        const ended = members.find((member) => !isUp(service.name, member))
        if (ended === undefined && performance.now() < deadline) {
          await sleep(readyPollMs)
          continue
        }
        const reason = ended === undefined ? `does not answer: ${messageOf(error)}` : `ended: ${ended}`
        const words = await lastWords(logFile(ended ?? members[0] ?? service.name))
        throw new SetupProblem(`The service ${service.name} ${reason}\n${words}`, { cause: error })
      }
    }
  }

  const isUp = (name: ServiceName, member: string): boolean => {
    const daemon = read()[name]?.daemons[member]
    return daemon !== undefined && isRunning(daemon)
  }

  const installed = async (service: Service): Promise<void> => {
    await mkdir(downloadFolder, { recursive: true })
    const lock = await lockFolder(downloadFolder, 'install', { waitMs: lockTimeoutMs })
    try {
      await service.install(downloadFolder, (line) => say(`${service.name}: ${line}`))
    } finally {
      lock.release()
    }
  }

  const bringUp = async (name: ServiceName): Promise<ServiceStatus> => {
    const service = services[name]
    const running = service.members.filter((member) => isUp(name, member))
    const missing = service.members.filter((member) => !running.includes(member))
    const place = placeOf(name, await recordWithPorts(service, running))
    await settled(missing.map((member) => spawnMember(service, member, place)))
    await untilReady(service, place, service.members)
    await service.finish?.(place)
    return { name, state: 'up', detail: await service.ask(place, service.members) }
  }

  const takeDown = async (name: ServiceName): Promise<void> => {
    const service = services[name]
    const record = read()[name]
    const daemons = Object.values(record?.daemons ?? {})
    await Promise.all(daemons.map((daemon) => endDaemon(daemon, service.stopSignal, stopTimeoutMs)))
    if (record !== undefined) await service.endLeftovers?.(placeOf(name, record))
    await rm(path.join(folder, 'data', name), { recursive: true, force: true })
    for (const member of service.members) await rm(logFile(member), { force: true })
    await change(name, () => undefined)
  }

  const statusOf = async (name: ServiceName): Promise<ServiceStatus> => {
    const service = services[name]
    const record = read()[name]
    const running = service.members.filter((member) => isUp(name, member))
    if (record === undefined || running.length === 0) return { name, state: 'down', detail: 'no process' }
    const away = service.members.filter((member) => !running.includes(member))
    try {
      const answer = await service.ask(placeOf(name, record), running)
      if (away.length === 0) return { name, state: 'up', detail: answer }
      return { name, state: 'broken', detail: `${answer}; not running: ${away.join(', ')}` }
    } catch (error) {
      return { name, state: 'broken', detail: messageOf(error) }
    }
  }

  const serviceWith = (member: string): Service => {
    const service = Object.values(services).find(({ members }) => members.includes(member))
    if (service === undefined) throw new Error(`No service has a member "${member}".`)
    return service
  }

  const daemonOf = (member: string): Daemon => {
    const daemon = read()[serviceWith(member).name]?.daemons[member]
    if (daemon === undefined) throw new Error(`${member} was never started in ${folder}.`)
    return daemon
  }

  return {
    async up(names) {
      return await locked(async () => {
        // One after the other: installing keeps package managers busy, and they lock each other out.
        for (const name of names) await installed(services[name])
        return await settled(names.map(bringUp))
      })
    },

    async down(names) {
      await locked(async () => {
        await settled((names ?? serviceNames).map(takeDown))
        if (names !== undefined) return
        await rm(file, { force: true })
        for (const empty of ['data', 'log']) await rmdir(path.join(folder, empty)).catch(() => undefined)
      })
    },

    status: (names = serviceNames) => Promise.all(names.map(statusOf)),

    environment() {
      const records = read()
      const settings: Record<string, string> = {}
      for (const name of serviceNames) {
        const record = records[name]
        if (record !== undefined) Object.assign(settings, services[name].environment(placeOf(name, record)))
      }
      const { KAFKA3_HOSTS: three } = settings
      return three === undefined || 'KAFKA_HOSTS' in settings ? settings : { ...settings, KAFKA_HOSTS: three }
    },

    kill: (member) => endDaemon(daemonOf(member), 'SIGKILL', killTimeoutMs),
    stop: (member) => endDaemon(daemonOf(member), serviceWith(member).stopSignal, stopTimeoutMs),

    async start(member) {
      const service = serviceWith(member)
      const place = await locked(async () => {
        const record = read()[service.name]
        if (record === undefined) throw new Error(`The service ${service.name} is not up in ${folder}.`)
        const found = placeOf(service.name, record)
        if (!isUp(service.name, member)) await spawnMember(service, member, found)
        return found
      })
      await untilReady(service, place, [member])
    },

    pause: (member) => signal(daemonOf(member), 'SIGSTOP'),
    resume: (member) => signal(daemonOf(member), 'SIGCONT'),
    isRunning: (member) => isUp(serviceWith(member).name, member),
    pid: (member) => daemonOf(member).pid,
  }
}

/** Waits for all of them, and only then rejects: nothing is left at work behind somebody's back. */
async function settled<Result>(works: readonly Promise<Result>[]): Promise<readonly Result[]> {
  const outcomes = await Promise.allSettled(works)
  const reasons: readonly unknown[] = outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
  )
  if (reasons.length === 1) throw reasons[0]
  if (reasons.length > 1) throw new AggregateError(reasons, reasons.map(messageOf).join('\n'))
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
}

async function lastWords(logFile: string): Promise<string> {
  const log = await readFile(logFile, 'utf8').catch(() => '')
  return log.slice(-logBytesShown)
}
