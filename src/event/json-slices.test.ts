import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { afterSpace, jsonKindAt, jsonParts } from './json-slices.ts'
import type { JsonPart } from './json-slices.ts'

const elementsOf = (text: Buffer, at: number) => jsonParts(text, at, { elements: {} }).elements ?? []
const fieldsOf = (text: Buffer, at: number, names: readonly string[]): ReadonlyMap<string, JsonPart> =>
  jsonParts(text, at, { fields: Object.fromEntries(names.map((name) => [name, {}])) }).fields ??
  new Map<string, JsonPart>()

function sliceText(text: Buffer, { start, end }: { readonly start: number; readonly end: number }): string {
  return text.toString('utf8', start, end)
}

describe('slices of a JSON text', () => {
  it('are the texts of the elements of any array', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1, '\t'), (values, indent) => {
        const text = Buffer.from(`  ${JSON.stringify(values, null, indent)}`)
        const found = elementsOf(text, afterSpace(text, 0)).map(
          (slice) => JSON.parse(sliceText(text, slice)) as unknown,
        )
        assert.deepEqual(JSON.stringify(found), JSON.stringify(values))
      }),
    )
  })

  it('are the texts of the wanted fields of any object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 2), (fields, indent) => {
        const text = Buffer.from(JSON.stringify(fields, null, indent))
        const found = fieldsOf(text, 0, Object.keys(fields))
        for (const [name, value] of Object.entries(fields)) {
          const slice = found.get(name)
          assert.ok(slice !== undefined, name)
          assert.equal(JSON.stringify(JSON.parse(sliceText(text, slice))), JSON.stringify(value))
        }
      }),
    )
  })

  it('are found within each other in one walk', () => {
    const text = Buffer.from('[ {"a":{"b":[1, {"c":2}]},"d":3} , {"a":4} ]')
    const wanted = { elements: { fields: { a: { fields: { b: { elements: { fields: { c: {} } } } } } } } }
    const { elements, end } = jsonParts(text, 0, wanted)
    assert.equal(end, text.length)
    assert.deepEqual(
      elements?.map((element) => sliceText(text, element)),
      ['{"a":{"b":[1, {"c":2}]},"d":3}', '{"a":4}'],
    )
    const b = elements[0]?.fields?.get('a')?.fields?.get('b')
    assert.equal(b === undefined ? '' : sliceText(text, b), '[1, {"c":2}]')
    const c = b?.elements?.[1]?.fields?.get('c')
    assert.equal(c === undefined ? '' : sliceText(text, c), '2')
    assert.equal(elements[1]?.fields?.get('a')?.fields, undefined)
  })

  it('leave out what is not wanted, and take the last of a key that is given twice, however it is written', () => {
    const text = Buffer.from('{"a":{"b":1},"b":[1,2],"c":0,"\\u0062":"it is \\"b\\"" }')
    const found = fieldsOf(text, 0, ['b'])
    assert.deepEqual([...found.keys()], ['b'])
    assert.deepEqual(
      [...found.values()].map((slice) => sliceText(text, slice)),
      ['"it is \\"b\\""'],
    )
  })

  it('are none of what is no object and no array', () => {
    const text = Buffer.from('"{}"')
    assert.deepEqual(jsonParts(text, 0, { fields: { a: {} }, elements: {} }), { start: 0, end: 4 })
    assert.equal(jsonKindAt(text, 0), 'string')
  })

  it('are found in an end of any text that is cut off or broken', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.json(), fc.nat(), (noise, json, cut) => {
        for (const text of [Buffer.from(noise), Buffer.from(json).subarray(0, cut % (json.length + 1))]) {
          for (const open of ['{', '[', '{"a":', '[[']) {
            const whole = Buffer.concat([Buffer.from(open), text])
            const { end } = jsonParts(whole, 0, { fields: { a: { elements: {} } }, elements: { elements: {} } })
            assert.ok(end <= whole.length)
          }
        }
      }),
    )
  })
})
