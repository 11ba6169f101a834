/** The types of the API for the console, made from the document of the API. Nothing is opened: no route is asked anything. */
import openapiTypescript, { astToString } from 'openapi-typescript'
import type { OpenAPI3 } from 'openapi-typescript'
import { apiDocument } from '../src/app/http/api-document.ts'
import { createCoreHttp } from '../src/app/http/core-http.ts'
import type { CoreHttpDeps } from '../src/app/http/core-http.ts'

/** Below the root of the repository. */
export const apiSchemaFile = 'console/src/api/schema.d.ts'

const head = '/** Made from the schemas of the routes by `npm run client`; a test compares them. */\n'

/** The one thing that is looked at while routes are added, and nothing in place of all others. */
const own = { consoleFolder: import.meta.dirname }
const deps = new Proxy(own, {
  get: (_, name) => (name === 'consoleFolder' ? own.consoleFolder : absent),
}) as unknown as CoreHttpDeps

/** Stands for whatever routes need, as deep as they look, while they are added. */
const absent: unknown = new Proxy(() => undefined, {
  get: (_, name) => (name === 'then' ? undefined : absent),
  apply: () => {
    throw new Error('There is nothing behind these routes.')
  },
})

export async function apiSchemaText(): Promise<string> {
  const app = await createCoreHttp(deps)
  try {
    const document = apiDocument(app) as unknown as OpenAPI3
    return head + astToString(await openapiTypescript(document, { alphabetize: false }))
  } finally {
    await app.close()
  }
}
