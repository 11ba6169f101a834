import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TSchema } from 'typebox'
import { Type } from 'typebox'
import { compileValidator } from './validate.ts'

function read(httpPart: string, schema: TSchema, value: unknown): unknown {
  const result = compileValidator({ schema, httpPart, method: 'GET', url: '/' })(value) as {
    readonly value?: unknown
    readonly error?: unknown
  }
  return result.error === undefined ? result.value : 'refused'
}

function complaints(schema: TSchema, value: unknown): readonly string[] {
  const result = compileValidator({ schema, httpPart: 'body', method: 'POST', url: '/' })(value) as {
    readonly error?: readonly { readonly instancePath: string; readonly message: string }[]
  }
  return (result.error ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
}

const Shape = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    on: Type.Optional(Type.Boolean()),
    name: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
)

describe('a query', () => {
  it('is read as the numbers and booleans that it writes out exactly', () => {
    assert.deepEqual(read('querystring', Shape, { limit: '12', on: 'false', name: '7' }), {
      limit: 12,
      on: false,
      name: '7',
    })
    for (const limit of ['1.5', '', ' 1', '1e2', '0x1', 'true', '0', ['1', '2'], '9'.repeat(20)]) {
      assert.equal(read('querystring', Shape, { limit }), 'refused', JSON.stringify(limit))
    }
    for (const on of ['1', 'yes', 'TRUE', '']) assert.equal(read('querystring', Shape, { on }), 'refused', on)
  })

  it('has no other fields, whatever they are called', () => {
    for (const name of ['other', 'constructor', '__proto__']) {
      assert.equal(read('querystring', Shape, Object.fromEntries([[name, 'x']])), 'refused', name)
    }
  })
})

describe('a body', () => {
  it('is taken as it is: a text is no number', () => {
    assert.equal(read('body', Shape, { limit: '12' }), 'refused')
    assert.deepEqual(read('body', Shape, { limit: 12 }), { limit: 12 })
  })
})

describe('a complaint', () => {
  const Period = Type.Unsafe<string>({ type: 'string', enum: ['day', 'month'] })
  const Quota = Type.Object({ events: Type.Integer({ minimum: 0 }), period: Period }, { additionalProperties: false })
  const Limit = Type.Object({ quota: Type.Union([Quota, Type.Null()]) })

  it('names the values that there are', () => {
    assert.deepEqual(complaints(Period, 'week'), [' must be one of day, month'])
  })

  it('about what may be null says what is wrong with it, and not that it is not null', () => {
    for (const [quota, ...said] of [
      [{ events: 1, period: 'week' }, '/quota/period must be one of day, month'],
      [{ events: 1 }, '/quota must have required properties period'],
      [{ events: -1, period: 'day' }, '/quota/events must be >= 0'],
      [{ events: 1, period: 'day', per: 1 }, '/quota must not have additional properties'],
      ['much', '/quota must be object', '/quota must be null'],
    ] as const) {
      assert.deepEqual(complaints(Limit, { quota }), said)
    }
    assert.deepEqual(complaints(Limit, { quota: null }), [])
  })
})
