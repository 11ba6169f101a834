/**
 * What a browser shows: the built console and the reference of the API. Every answer says what a page may do: load from here, frame
 * nothing, be framed by nobody.
 */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import helmet from '@fastify/helmet'
import files from '@fastify/static'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { consoleFiles } from '../console-paths.ts'
import { apiDocument } from './api-document.ts'

/** Before the routes: they get its headers. */
export async function securePages(app: FastifyInstance): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        // Components put their styles into the page.
        styleSrc: ["'self'", "'unsafe-inline'"],
        // The reference has its pictures in its style sheets.
        imgSrc: ["'self'", 'data:'],
        objectSrc: ["'none'"],
        baseUri: ["'self'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    // Whether all of the host speaks HTTPS is for the proxy in front to say.
    strictTransportSecurity: false,
    frameguard: { action: 'deny' },
  })
}

/** The console as `npm run build:console` has built it into `folder`; it may be built while Sluice runs. */
export async function consolePages(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(files, { root: folder, serve: false, preCompressed: true, suppressWarning: true })
  const hidden = { schema: { hide: true } }

  app.get('/', hidden, async (_, reply) => {
    if (!(await isThere(join(folder, 'index.html')))) {
      return await reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(notBuilt)
    }
    return await sent(reply, 'index.html')
  })
  for (const name of consoleFiles) app.get(`/${name}`, hidden, (_, reply) => sent(reply, name))
  // Their names change with what is in them.
  app.get<{ Params: { readonly '*': string } }>('/assets/*', hidden, (request, reply) =>
    reply.sendFile(`assets/${request.params['*']}`, { maxAge: '365d', immutable: true }),
  )
}

/** The reference for people, under `/api/docs/`. */
export async function referencePages(app: FastifyInstance): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/api/docs',
    // Two folders below what the paths are relative to.
    transformSpecification: () => apiDocument(app, '../..'),
    transformSpecificationClone: false,
    theme: { title: 'Sluice API' },
    uiConfig: { deepLinking: false, docExpansion: 'list', supportedSubmitMethods: [] },
  })
}

function sent(reply: FastifyReply, file: string): FastifyReply {
  return reply.header('cache-control', 'no-cache').sendFile(file, { cacheControl: false })
}

async function isThere(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  )
}

const notBuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Sluice</title>
<h1>Sluice runs; its console is not built</h1>
<p>Run <code>npm run build:console</code> in the folder of Sluice and load this page again.</p>
<p>The API works without it: <a href="api/docs/">its reference</a>.</p>
</html>
`
