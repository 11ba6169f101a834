/**
 * Holds requests against their schemas. Bodies are taken as they are: "1" is no number there. Path and query are text, so what a
 * schema calls a number or a boolean is read as one when it is written exactly so.
 */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const compiled = Compile(schema)
  return (value: unknown) => {
    const read = httpPart === 'body' ? value : valuesOf(schema, value)
    if (compiled.Check(read)) return { value: read }
    return { error: helpful(compiled.Errors(read)) }
  }
}

type Complaints = ReturnType<ReturnType<typeof Compile>['Errors']>

/**
 * TypeBox tells of a forbidden field twice, and of a union everything that each of its schemas has against the value, and then that
 * it is none of them. Left is what helps: where null would do as well, what is wrong with that which is not null.
 */
function helpful(complaints: Complaints): Complaints {
  return complaints
    .filter((one) => one.keyword !== 'boolean' && one.keyword !== 'anyOf' && !isNullBranch(one, complaints))
    .map((one) => {
      const { allowedValues } = one.params as { readonly allowedValues?: readonly unknown[] }
      if (one.keyword !== 'enum' || allowedValues === undefined) return one
      return { ...one, message: `must be one of ${allowedValues.map(String).join(', ')}` }
    })
}

function isNullBranch({ keyword, params, schemaPath, instancePath }: Complaints[number], all: Complaints): boolean {
  const union = /^(.*\/anyOf\/)\d+$/.exec(schemaPath)?.[1]
  if (keyword !== 'type' || params.type !== 'null' || union === undefined) return false
  return all.some(
    (one) => one.schemaPath.startsWith(union) && (one.instancePath !== instancePath || one.keyword !== 'type'),
  )
}

const readers: Readonly<Record<string, (text: string) => unknown>> = {
  integer: (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : text),
  number: (text) => (/^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : text),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : text),
}

function valuesOf(schema: TSchema, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const properties: unknown = 'properties' in schema ? schema.properties : {}
  const read = Object.entries(value).map(([name, text]: [string, unknown]) => {
    const type = typeOf(properties, name)
    const reader = type === undefined ? undefined : readers[type]
    return [name, reader !== undefined && typeof text === 'string' ? reader(text) : text] as const
  })
  return Object.fromEntries(read)
}

function typeOf(properties: unknown, name: string): string | undefined {
  if (typeof properties !== 'object' || properties === null || !Object.hasOwn(properties, name)) return undefined
  const property = (properties as Readonly<Record<string, { readonly type?: unknown }>>)[name]
  return typeof property?.type === 'string' ? property.type : undefined
}
