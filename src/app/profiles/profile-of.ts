import type { Config } from '../config.ts'
import { embeddedProfile } from './embedded.ts'
import type { Profile } from './profile.ts'

/** The clients of a cluster's engines are loaded by whoever uses them. */
export async function profileOf({ profile }: Config): Promise<Profile> {
  return profile.engines === 'embedded' ? embeddedProfile : (await import('./cluster.ts')).clusterProfile
}
