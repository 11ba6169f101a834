import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { kafkaIsDownloaded } from '../../scripts/services/kafka.ts'
import { findProgram } from '../../scripts/services/programs.ts'
import { serviceSet } from '../../scripts/services/service-set.ts'
import type { ServiceSet, ServiceSetOptions } from '../../scripts/services/service-set.ts'

const downloads = path.join(import.meta.dirname, '..', '..', '.services', 'downloads')

/** Waits until whoever started it is gone, then becomes what the rest says. */
const waitThen = 'read -r _; exec "$@"'
const takeDown = path.join(import.meta.dirname, '..', '..', 'scripts', 'services', 'take-down.ts')

/**
 * Services of a test's own, in a folder of its own; only downloads are shared. `remove` leaves nothing, and neither does a test that
 * is killed before it comes to that.
 */
export async function aServiceSet(own: Pick<ServiceSetOptions, 'kafka'> = {}): Promise<{
  readonly folder: string
  readonly services: ServiceSet
  readonly remove: () => Promise<void>
}> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-services-'))
  const services = serviceSet({ folder, downloads, ...own })
  const guard = spawn('/bin/sh', ['-c', waitThen, 'sh', process.execPath, takeDown, folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.unref()
  if (guard.stdin instanceof Socket) guard.stdin.unref()
  return {
    folder,
    services,
    async remove() {
      await services.down()
      await rm(folder, { recursive: true, force: true })
      guard.kill('SIGKILL')
    },
  }
}

/** For `{ skip }`: why a test that needs the service has none here; where services are required, nothing is skipped. */
export function missing(service: 'redis' | 'kafka'): string | false {
  if (process.env['SLUICE_TEST_SERVICES'] === 'required') return false
  const isHere =
    service === 'redis'
      ? findProgram('redis-server') !== undefined
      : findProgram('java') !== undefined && kafkaIsDownloaded(downloads)
  return isHere ? false : `${service} is not installed; "npm run services -- up ${service}" does that, or says how`
}
