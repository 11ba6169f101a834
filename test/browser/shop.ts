/** A web page of somebody who uses posthog-js: served by itself, from another origin than Sluice, and visited by a person. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import type { Ending, Installation } from '../harness/installation.ts'

const built = join(dirname(createRequire(import.meta.url).resolve('posthog-js/package.json')), 'dist')

/** What PostHog gives its users to paste, with our address for theirs: it loads `/static/array.js` from there. */
const snippet = `!function(t,e){var o,n,p,r;e.__SV||(window.posthog=e,e._i=[],e.init=function(i,s,a){function g(t,e){
var o=e.split(".");2==o.length&&(t=t[o[0]],e=o[1]),t[e]=function(){t.push([e].concat(Array.prototype.slice.call(arguments,0)))}}
(p=t.createElement("script")).type="text/javascript",p.crossOrigin="anonymous",p.async=!0,
p.src=s.api_host.replace(".i.posthog.com","-assets.i.posthog.com")+"/static/array.js",
(r=t.getElementsByTagName("script")[0]).parentNode.insertBefore(p,r);var u=e;
for(void 0!==a?u=e[a]=[]:a="posthog",u.people=u.people||[],u.toString=function(t){var e="posthog";return"posthog"!==a&&(e+="."+a),t||(e+=" (stub)"),e},
u.people.toString=function(){return u.toString(1)+".people (stub)"},
o="init capture identify alias group set_config reset opt_in_capturing opt_out_capturing onFeatureFlags getFeatureFlag".split(" "),n=0;n<o.length;n++)g(u,o[n]);
e._i.push([i,s,a])},e.__SV=1)}(document,window.posthog||[]);`

/** How a page comes to posthog-js: from the host's own scripts, or bundled with the page. */
export type Bundling = 'snippet' | 'module'

export interface Shop {
  readonly page: Page
  readonly url: string
  /** Whatever a visitor's console would show as wrong, and each request that failed or was answered with an error. */
  readonly complaints: readonly string[]
  /** Paths at Sluice that the page asked for, without their queries. */
  readonly asked: readonly string[]
}

/**
 * For the command line of a browser: posthog-js sends nothing for one that calls itself headless, and what is set for a page alone
 * no longer holds while the page is being left.
 */
export const ordinaryUserAgent =
  '--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

/** Opens nothing yet: `page.goto(url)` does. */
export async function aShop(
  ending: Ending,
  browser: Browser,
  { url: host, token }: Installation,
  bundling: Bundling,
): Promise<Shop> {
  const init = `posthog.init('${token}', { api_host: '${host}' })`
  const script =
    bundling === 'snippet'
      ? `<script>${snippet}\n${init}</script>`
      : `<script type="module">import posthog from '/module.mjs'; window.posthog = posthog; ${init}</script>`
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title><link rel="icon" href="data:,">${script}</head>
    <body><h1>Grüße 😀</h1><button id="buy" class="primary">Buy now</button><input id="search"><ul id="list"></ul></body></html>`
  const server = createServer((request, response) => {
    if (request.url !== '/module.mjs') {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html)
      return
    }
    readFile(join(built, 'module.mjs')).then(
      (module) => response.writeHead(200, { 'content-type': 'text/javascript' }).end(module),
      () => response.writeHead(500).end(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.after(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)

  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } })
  // The same for one that says it is driven by a program.
  await context.addInitScript(() => {
    Object.defineProperty(navigator, 'webdriver', { get: () => false })
    Object.defineProperty(navigator, 'userAgentData', { get: () => undefined })
  })
  const page = await context.newPage()
  const complaints: string[] = []
  const asked: string[] = []
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  context.on('requestfailed', (request) => complaints.push(`${request.url()}: ${request.failure()?.errorText ?? ''}`))
  context.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.url()}: ${String(response.status())}`)
  })
  context.on('request', (request) => {
    if (request.url().startsWith(host)) asked.push(new URL(request.url()).pathname)
  })
  return { page, url: `http://127.0.0.1:${String(address.port)}/`, complaints, asked }
}
