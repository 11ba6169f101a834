/**
 * The document of the API (OpenAPI 3.1), made from the schemas of the routes: a schema with a `title` becomes a component of that
 * name, and what holds for every route (who may use it, how problems are told) is added here rather than said on each.
 */
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify'
import { sessionCookie } from './access.ts'
import type { HttpApp } from './http-app.ts'
import { Problem } from './problem.ts'

export const documentOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: '1',
      description:
        'Management and questions of one installation. Send a personal key as `Authorization: Bearer phx_…`; times are ISO 8601 in UTC, and problems are told as RFC 9457 with a stable `code`.',
    },
    components: {
      securitySchemes: {
        personalKey: { type: 'http', scheme: 'bearer', description: 'A personal key, phx_….' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: sessionCookie,
          description: 'Logged in at the console. Changes need the header `sluice-csrf: 1`.',
        },
      },
    },
  },
}

const problems = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: Problem } },
})

/** Adds to each route what its access means and how problems are told. Before the routes. */
export function describeRoutes(app: HttpApp): void {
  app.addHook('onRoute', (route) => {
    if (route.schema?.hide === true) return
    route.schema = { ...route.schema, ...accessOf(route), response: responsesOf(route.schema) }
  })
}

function accessOf({ config, schema }: RouteOptions): FastifySchema {
  const access = config?.access
  if (access === undefined || access === 'everyone') return { security: [] }
  const text = access === 'session' ? 'For users of the console.' : `Scope: ${access}.`
  return {
    description: schema?.description === undefined ? text : `${schema.description} ${text}`,
    security: access === 'session' ? [{ session: [] }] : [{ personalKey: [] }, { session: [] }],
  }
}

function responsesOf(schema: FastifySchema | undefined): object {
  return {
    ...(schema?.response as object | undefined),
    '4xx': problems('The request is refused.'),
    '5xx': problems('It cannot be answered now, or something is broken.'),
  }
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** The finished document, with the way from where it lies to where paths begin. Only once the application is ready. */
export function apiDocument(app: FastifyInstance, root = '..'): Readonly<Record<string, Json>> {
  const schemas = new Map<string, { readonly json: string; readonly schema: Json }>()
  const lift = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(lift)
    if (typeof value !== 'object' || value === null) return value
    const lifted = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, lift(one)]))
    const { title } = lifted
    if (typeof title !== 'string' || !isSchema(lifted)) return lifted
    const json = JSON.stringify(lifted)
    const known = schemas.get(title)
    if (known !== undefined && known.json !== json) throw new Error(`Two schemas of the API are called ${title}.`)
    schemas.set(title, { json, schema: lifted })
    return { $ref: `#/components/schemas/${title}` }
  }
  const { components, paths, ...rest } = app.swagger() as unknown as Readonly<Record<string, Json>>
  const liftedPaths = lift(paths ?? {})
  const named = [...schemas]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, { schema }]) => [name, schema])
  const { schemas: _, ...ownComponents } = components as Readonly<Record<string, Json>>
  // Relative to the document, so that it holds behind a path prefix.
  const servers = [{ url: root }]
  return {
    ...rest,
    servers,
    components: { ...ownComponents, schemas: Object.fromEntries(named) as Json },
    paths: liftedPaths,
  }
}

/** A property may be called `title` too; then it stands beside other properties and not beside a type. */
function isSchema(value: Readonly<Record<string, Json>>): boolean {
  return typeof value['type'] === 'string' || Array.isArray(value['anyOf'])
}
