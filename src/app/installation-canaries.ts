/** The canaries of this installation: sent through its own front door, looked for in its own table. */
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { flows } from '../event/flows.ts'
import { partitionOf } from '../event/murmur2.ts'
import type { Offsets } from '../event/position.ts'
import { Failure } from '../kit/failure.ts'
import type { Telemetry } from '../kit/telemetry/telemetry.ts'
import { createCanaries } from '../stages/health/canaries.ts'
import type { Canaries, CanaryEvent } from '../stages/health/canaries.ts'
import type { WarehouseReader } from '../stores/warehouse/warehouse-reader.ts'
import type { Config } from './config.ts'
import type { DoorCounts } from './profiles/profile.ts'
import { readProcessesFile } from './supervisor/processes-file.ts'

export interface InstallationCanariesDeps {
  readonly config: Config
  /** Of the reserved project. */
  readonly token: string
  readonly reader: WarehouseReader
  doorCounts(): Promise<DoorCounts>
  /** Next source offset that the warehouse writer has not inserted, by source index. */
  insertedTo(): Promise<Offsets>
  readonly signal: AbortSignal
  readonly telemetry: Telemetry
}

const timeoutMs = 30_000
const questionLimits = { timeMs: 5000, memoryBytes: 256 * 1024 * 1024, rowsMax: 1, resultBytesMax: 1000 }

export function createInstallationCanaries(deps: InstallationCanariesDeps): Canaries {
  const { config, token, reader, signal, telemetry } = deps
  if (!config.profile.roles.includes('edge') && config.profile.edgeAddress === '') return noCanaries
  /** Where the main lane ended when the canaries were in: until the writer is there, asking the table is in vain. */
  let endsAt: readonly number[] = []
  return createCanaries({
    async send(events) {
      await sendCanaries(config, token, events)
      endsAt = (await deps.doorCounts()).endsOf(flows.events).slice(0, config.intake.partitionCount)
    },
    async seen(uuids) {
      const inserted = await deps.insertedTo()
      if (!endsAt.every((end, partition) => (inserted[partition] ?? 0) >= end)) return 0
      const { rows } = await reader.ask({
        sql: `SELECT count() FROM ${reader.tableName('events')} WHERE team_id = 0 AND uuid IN {uuids:Array(UUID)} AND accepted_at > now() - INTERVAL 1 HOUR`,
        parameters: { uuids },
        limits: questionLimits,
        signal,
      })
      return Number(rows[0]?.[0] ?? 0)
    },
    distinctIds: onePerPartition(token, config.intake.partitionCount),
    intervalMs: config.health.canaryIntervalMs,
    timeoutMs,
    telemetry,
  })
}

/** Of a core that knows no door: how long events wait says the rest. */
const noCanaries: Canaries = {
  state: () => ({ arrivedAtMs: undefined, durationMs: undefined, failure: undefined }),
  run: () => Promise.resolve(),
}

/** Through the front door, as any client would. */
function sendCanaries(config: Config, token: string, events: readonly CanaryEvent[]): Promise<void> {
  const door = config.profile.roles.includes('edge') ? ownDoor(config) : new URL(config.profile.edgeAddress)
  if (door === undefined)
    return Promise.reject(
      new Failure('SLUICE_EDGE_AWAY', 'The edge has not said where it listens.', { retryable: true }),
    )
  const body = JSON.stringify({ api_key: token, batch: events })
  const headers = { 'content-type': 'application/json' }
  const question = { method: 'POST', timeout: 10_000, headers }
  const isTls = door.protocol === 'https:'
  return new Promise((resolve, reject) => {
    // The certificate is for the name that others use; what is sent is no secret.
    const request = (isTls ? httpsRequest : httpRequest)(
      new URL('/batch/', door),
      isTls ? { ...question, rejectUnauthorized: false } : question,
      (response) => {
        response.resume()
        if (response.statusCode === 200) resolve()
        else
          reject(
            new Failure('SLUICE_CANARY_REFUSED', `The door answered ${String(response.statusCode)}.`, {
              retryable: true,
            }),
          )
      },
    )
    request.on('timeout', () => request.destroy(new Error('The door did not answer in time.')))
    request.on('error', reject)
    request.end(body)
  })
}

/** Of the edge beside us; undefined until it has said where it listens. */
function ownDoor({ edge }: Config): URL | undefined {
  const port = readProcessesFile('.')?.processes.find(({ role }) => role === 'edge')?.port ?? undefined
  if (port === undefined) return undefined
  const host = edge.host === '0.0.0.0' || edge.host === '::' ? '127.0.0.1' : edge.host
  const scheme = edge.port === undefined ? 'https' : 'http'
  return new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${String(port)}`)
}

/** A distinct id for each partition, found by trying. */
function onePerPartition(token: string, partitionCount: number): string[] {
  const found = new Map<number, string>()
  for (let n = 0; found.size < partitionCount; n++) {
    const distinctId = `canary-${String(n)}`
    const partition = partitionOf(`${token}:${distinctId}`, partitionCount)
    if (!found.has(partition)) found.set(partition, distinctId)
  }
  return [...found.values()]
}
