import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { kafkaIsDownloaded } from '../../scripts/services/kafka.ts'
import { findProgram } from '../../scripts/services/programs.ts'
import { serviceSet } from '../../scripts/services/service-set.ts'
import type { ServiceSet } from '../../scripts/services/service-set.ts'

const downloads = path.join(import.meta.dirname, '..', '..', '.services', 'downloads')

/** Services of a test's own, in a folder of its own; only downloads are shared. `remove` leaves nothing. */
export async function aServiceSet(): Promise<{
  readonly folder: string
  readonly services: ServiceSet
  readonly remove: () => Promise<void>
}> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-services-'))
  const services = serviceSet({ folder, downloads })
  return {
    folder,
    services,
    async remove() {
      await services.down()
      await rm(folder, { recursive: true, force: true })
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
