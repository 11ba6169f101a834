/** The installed posthog-js, whose scripts pages load from here. It is a dependency, so it is found in every installation. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface PublishedScripts {
  readonly folder: string
  readonly version: string
}

export function publishedScripts(): PublishedScripts {
  const packageFile = fileURLToPath(import.meta.resolve('posthog-js/package.json'))
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { readonly version: string }
  return { folder: join(dirname(packageFile), 'dist'), version }
}
