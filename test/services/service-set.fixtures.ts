import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { findProgram } from '../../scripts/services/programs.ts'
import { serviceSet } from '../../scripts/services/service-set.ts'
import type { ServiceSet } from '../../scripts/services/service-set.ts'

const root = path.join(import.meta.dirname, '..', '..')

/** Services of a test's own, in a folder of its own; only downloads are shared. `remove` leaves nothing. */
export async function aServiceSet(): Promise<{
  readonly folder: string
  readonly services: ServiceSet
  readonly remove: () => Promise<void>
}> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-services-'))
  const services = serviceSet({ folder, downloads: path.join(root, '.services', 'downloads') })
  return {
    folder,
    services,
    async remove() {
      await services.down()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** For `{ skip }`: why a service that needs these programs cannot be tried here; in CI there nothing may be skipped. */
export function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter((program) => findProgram(program) === undefined)
  if (absent.length === 0 || process.env['SLUICE_TEST_SERVICES'] === 'required') return false
  return `${absent.join(' and ')} not on PATH; "npm run services -- up" says how to get it`
}
