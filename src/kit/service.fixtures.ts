/** Real services that tests need: where they are says the environment (`npm run services -- env`). */

export const serviceNames = ['DATABASE_URL', 'REDIS_URL', 'KAFKA_HOSTS', 'CLICKHOUSE_HOST'] as const
export type ServiceName = (typeof serviceNames)[number]

/**
 * For `describe(title, { skip: service.skip }, …)`: the address, or the reason why there is none. Throws when services are required
 * (`SLUICE_TEST_SERVICES=required`), as they are in CI: there nothing may be skipped.
 */
export function service(name: ServiceName): { readonly address: string; readonly skip: string | false } {
  const address = process.env[name]
  if (address !== undefined && address !== '') return { address, skip: false }
  if (process.env['SLUICE_TEST_SERVICES'] === 'required')
    throw new Error(`${name} is not set, and services are required: "npm run services -- up" starts them.`)
  return { address: '', skip: `${name} is not set; "npm run services -- up" starts one` }
}
