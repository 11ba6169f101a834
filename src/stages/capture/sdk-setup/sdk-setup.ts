/**
 * What PostHog's SDKs ask of a host besides sending events, answered so that they work unmodified, with only their host changed
 * (capture spec §1.3). None of it is known of a project: there are no flags, surveys or tours here, so the answers are the same
 * for every token, and nobody is asked whether it is known.
 *
 * | path | asked for by | answer |
 * |---|---|---|
 * | `/array/{token}/config.js` | posthog-js when it starts | the remote configuration, as a script |
 * | `/array/{token}/config` | posthog-js when that failed, module builds, mobile SDKs | the same, as JSON |
 * | `/array/{token}/array.js` | pages with the snippet of a token | posthog-js |
 * | `/static/{name}.js` | the snippet, and posthog-js for what it loads later (recorder, web vitals, …) | that file of the installed package |
 * | `/static/{version}/{name}.js` | the same under `strict_script_versioning` | the same, when that version is installed |
 * | `/flags` | all SDKs that look at flags | there are none |
 * | `/decide` | older SDKs, for flags and configuration | there are none; the configuration |
 * | `/api/surveys`, `/api/product_tours`, `/api/early_access_features`, `/api/web_experiments` | posthog-js, when a page uses these | there are none |
 *
 * All else under `/api/` is the core's.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Telemetry } from '../../../kit/telemetry/telemetry.ts'
import type { Capture } from '../capture.ts'
import { answerPreflight, corsHeaders } from '../cors.ts'
import { discardRest } from '../discard-rest.ts'
import { flagsAnswer } from './flags-answer.ts'
import { remoteConfig, remoteConfigScript } from './remote-config.ts'
import type { RemoteConfigChoices } from './remote-config.ts'
import { openScriptFiles } from './script-files.ts'
import type { ScriptFile } from './script-files.ts'
import * as happened from './sdk-setup.events.ts'

export interface SdkSetupDeps extends RemoteConfigChoices {
  /** The installed posthog-js: where its built files lie, and which version it is. */
  readonly scripts: { readonly folder: string; readonly version: string }
  readonly telemetry: Telemetry
}

interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer | string
  /** Of what is the same for all pages: kept by browsers, for any of them. */
  readonly cached?: { readonly seconds: number; readonly etag?: string; readonly isGzipped?: boolean }
}

const methods = 'GET,POST,OPTIONS'
const json = 'application/json'
const script = 'application/javascript; charset=utf-8'

const tokenPath = /^\/array\/([A-Za-z0-9_-]{1,64})\/(config|config\.js|array\.js)\/?$/
const scriptPath = /^\/static\/(?:(\d+\.\d+\.\d+)\/)?([a-z0-9.-]{1,64}\.js)$/

/** What is asked for by a page that uses it, with a token in its query; there is none of it. */
const emptyLists: Readonly<Record<string, string>> = {
  '/api/surveys': JSON.stringify({ surveys: [], survey_config: null }),
  '/api/product_tours': JSON.stringify({ product_tours: [] }),
  '/api/early_access_features': JSON.stringify({ earlyAccessFeatures: [] }),
  '/api/web_experiments': JSON.stringify({ experiments: [] }),
}

const configSeconds = 300
const scriptSeconds = 3600
const versionedScriptSeconds = 365 * 24 * 3600

export function createSdkSetup({ scripts, recordsSessions, telemetry }: SdkSetupDeps): Capture {
  const files = openScriptFiles(scripts.folder)
  const config = remoteConfig({ recordsSessions })

  function answerOf(request: IncomingMessage, path: string, search: string): Answer | Promise<Answer> {
    const bare = path.endsWith('/') ? path.slice(0, -1) : path
    if (bare === '/flags' || bare === '/decide') {
      const query = new URLSearchParams(search)
      const version = Number.parseInt(query.get('v') ?? '1', 10)
      const asked = {
        path: bare === '/flags' ? 'flags' : 'decide',
        version: Number.isNaN(version) ? 1 : version,
        wantsConfig: query.get('config') === 'true',
      } as const
      return ofJson(JSON.stringify(flagsAnswer(asked, config, Date.now())))
    }
    const list = emptyLists[bare]
    if (list !== undefined) return new URLSearchParams(search).has('token') ? ofJson(list) : noToken
    const [, token, what] = tokenPath.exec(path) ?? []
    if (token !== undefined && what === 'config')
      return { ...ofJson(JSON.stringify({ token, ...config })), cached: { seconds: configSeconds } }
    if (token !== undefined && what === 'config.js') {
      const body = remoteConfigScript(token, { token, ...config })
      return { status: 200, contentType: script, body, cached: { seconds: configSeconds } }
    }
    if (token !== undefined) return scriptAnswer(request, 'array.js', scriptSeconds)
    const [, version, name] = scriptPath.exec(path) ?? []
    if (name === undefined || (version !== undefined && version !== scripts.version)) return nothingHere
    return scriptAnswer(request, name, version === undefined ? scriptSeconds : versionedScriptSeconds)
  }

  async function scriptAnswer(request: IncomingMessage, name: string, seconds: number): Promise<Answer> {
    const file = await files.read(name)
    return file === undefined ? nothingHere : scriptFrom(request, file, seconds)
  }

  function begin(request: IncomingMessage, response: ServerResponse, path: string, search: string): void {
    const { method } = request
    if (method === 'OPTIONS') {
      answerPreflight(request, response, methods)
      return
    }
    const answering =
      method === 'GET' || method === 'HEAD' || method === 'POST'
        ? Promise.resolve(answerOf(request, path, search))
        : Promise.resolve(wrongMethod)
    answering
      .catch((error: unknown): Answer => {
        happened.setupFailed(error).emit(telemetry)
        return { status: 500, contentType: json, body: '{"detail":"Internal server error."}' }
      })
      .then((answer) => {
        send(request, response, answer)
        happened.setupAnswered(answer.status).emit(telemetry)
      })
      .catch(() => response.destroy())
  }

  return { at: (path) => (isSdkPath(path) ? begin : undefined) }
}

function isSdkPath(path: string): boolean {
  if (path.startsWith('/static/') || path.startsWith('/array/')) return true
  const bare = path.endsWith('/') ? path.slice(0, -1) : path
  return bare === '/flags' || bare === '/decide' || Object.hasOwn(emptyLists, bare)
}

function ofJson(body: string): Answer {
  return { status: 200, contentType: json, body }
}

const nothingHere: Answer = { status: 404, contentType: json, body: '{"detail":"There is nothing here."}' }
const noToken: Answer = { status: 401, contentType: json, body: '{"detail":"The query has no token."}' }
const wrongMethod: Answer = { status: 405, contentType: json, body: '{"detail":"Method not allowed."}' }

function scriptFrom(request: IncomingMessage, { plain, gzipped, etag }: ScriptFile, seconds: number): Answer {
  if (request.headers['if-none-match']?.includes(etag) === true)
    return { status: 304, contentType: script, body: '', cached: { seconds, etag } }
  const isGzipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '')
  return { status: 200, contentType: script, body: isGzipped ? gzipped : plain, cached: { seconds, etag, isGzipped } }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  if (response.destroyed) return
  const { status, contentType, body, cached } = answer
  const { origin } = request.headers
  const isScript = contentType === script
  const headers = ['x-content-type-options', 'nosniff']
  // A script is the same for everybody and asked for without credentials; what is asked for with them wants its own origin back.
  if (isScript) headers.push('access-control-allow-origin', '*', 'cross-origin-resource-policy', 'cross-origin')
  else if (origin !== undefined) headers.push(...corsHeaders(origin))
  headers.push('cache-control', cached === undefined ? 'no-store' : `public, max-age=${String(cached.seconds)}`)
  if (cached?.etag !== undefined) headers.push('etag', cached.etag, 'vary', 'accept-encoding')
  if (cached?.isGzipped === true) headers.push('content-encoding', 'gzip')
  if (status === 405) headers.push('allow', methods)
  if (status !== 304) headers.push('content-type', contentType, 'content-length', String(Buffer.byteLength(body)))
  if (!request.complete) discardRest(request)
  response.writeHead(status, headers)
  response.end(body)
}
