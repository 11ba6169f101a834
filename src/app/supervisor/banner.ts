/** What `sluice start` says once everything is ready. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runFolder } from './data-folder.ts'

/** Written by the core when it creates the first project, readable by the user who runs Sluice alone. */
export const firstProjectFile = 'first-project.json'

/** Written by the core when it makes a one-time password for the console, and removed when somebody has chosen another. */
export const firstLoginFile = 'first-login.json'

export function bannerText(options: { readonly url: string; readonly dataFolder: string }): string {
  const { url, dataFolder } = options
  const keys = runFile(dataFolder, firstProjectFile) as FirstProjectKeys | undefined
  const login = runFile(dataFolder, firstLoginFile) as FirstLogin | undefined
  const token = keys?.token ?? '<project token>'
  const event = JSON.stringify({ api_key: token, event: 'hello', distinct_id: 'me' })
  const lines = [
    '',
    `  Sluice is ready at ${url}`,
    '',
    `  Console         ${url}/`,
    ...(login === undefined ? [] : [`  First login     ${login.login}, ${login.password}`]),
    ...(keys === undefined ? [] : [`  Project token   ${keys.token}`, `  Personal key    ${keys.personalKey}`]),
    `  Data            ${dataFolder}`,
    '',
    '  Send an event:',
    `    curl -H 'content-type: application/json' -d '${event}' ${url}/capture/`,
    '',
    '  Ask:',
    `    curl -H 'authorization: Bearer ${keys?.personalKey ?? '<personal key>'}' -H 'content-type: application/json' -d '{"query":"SELECT event, count() FROM events GROUP BY event"}' ${url}/api/projects/${String(keys?.projectId ?? 1)}/sql`,
    '',
    '  Stop with Ctrl-C.',
    '',
  ]
  return `${lines.join('\n')}\n`
}

/** Where a browser or SDK on this machine reaches the front. */
export function localUrl(scheme: 'http' | 'https', host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${scheme}://${reachable}:${String(port)}`
}

/** Undefined when it was not kept, or is no longer of use. */
function runFile(dataFolder: string, name: string): unknown {
  try {
    // Written by the core alone, and whole.
    return JSON.parse(readFileSync(join(dataFolder, runFolder, name), 'utf8'))
  } catch {
    return undefined
  }
}

interface FirstLogin {
  readonly login: string
  readonly password: string
}

interface FirstProjectKeys {
  readonly projectId: number
  readonly token: string
  readonly personalKey: string
}
