/** The installed posthog-js, whose scripts pages load from here. It is a dependency, so it is found in every installation. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export interface PublishedScripts {
  readonly folder: string
  readonly version: string
}

export function publishedScripts(): PublishedScripts {
  const packageFile = createRequire(import.meta.url).resolve('posthog-js/package.json')
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string }
  return { folder: join(dirname(packageFile), 'dist'), version }
}
