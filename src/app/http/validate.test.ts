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
